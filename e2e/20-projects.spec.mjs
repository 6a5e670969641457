// Nothing is lost: the studio is killed in the middle of work and of painting, projects are saved and opened.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { paintingProcess } from './processes.mjs';
import { drawingArea, drawStroke, paintSmall, startStudio } from './studio.mjs';

export const title = 'projects survive';

const prompt = (page) => page.getByLabel('Prompt', { exact: true });
const strokes = (document) => document.canvas.layers.flatMap(({ items }) => items).length;
const kept = (home) =>
  JSON.parse(readFileSync(join(home, 'data', 'sluice', 'studio', 'work', 'document.json'), 'utf8'));

async function until(what, condition, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not happen within ${seconds} s: ${what}`);
}

async function drawLine(page, offset) {
  const { x, y } = await drawingArea(page);
  await drawStroke(page, [
    [x - 80, y + offset],
    [x + 80, y + offset + 10],
  ]);
}

async function checkKill(check) {
  let studio = await startStudio();
  const { home } = studio;
  await paintSmall(studio.page);
  await prompt(studio.page).fill('a lighthouse');
  for (const offset of [-60, 0, 60]) await drawLine(studio.page, offset);
  await studio.page.getByRole('button', { name: 'Generate' }).click();
  await until('the last stroke is on the disk', () => {
    try {
      return strokes(kept(home)) === 3;
    } catch {
      return false;
    }
  });
  await studio.kill(); // while it paints

  studio = await startStudio({ home });
  const { page } = studio;
  await page.getByText('as you left it').waitFor();
  check('a killed studio has the prompt again', (await prompt(page).inputValue()) === 'a lighthouse');
  check('and every stroke', strokes(kept(home)) === 3);
  await drawLine(page, 90);
  check('and can be worked on', await page.getByRole('button', { name: 'Undo: Brush' }).isEnabled());
  return studio;
}

async function checkSaving(check, studio) {
  const { app, page, home } = studio;
  const path = join(home, 'light house.sluice');
  await app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [filePath] });
  }, path);
  await page.keyboard.press('Control+S');
  await page.getByText('Saved as light house.').waitFor();
  check('a project is saved', existsSync(path));
  check(
    'the window says its name',
    await page.locator('.project-title').getByText('light house').isVisible(),
  );
  await page.keyboard.press('Control+N');
  await page.waitForFunction(() => document.querySelector('[data-field=prompt]').value === '');
  check('a new one is empty', await page.locator('.project-title').getByText('Untitled').isVisible());
  await page.keyboard.press('Control+O');
  await page.waitForFunction(() => document.querySelector('[data-field=prompt]').value === 'a lighthouse');
  check('it opens again with all it had', strokes(kept(home)) === 4);
  const left = readdirSync(home).filter((name) => name.includes('.part'));
  check('no partial file is left', left.length === 0, left.join());
}

async function checkLostChild(check, studio) {
  const { page, app } = studio;
  const mainPid = await app.evaluate(() => globalThis.process.pid);
  const queue = page.getByRole('region', { name: 'Queue' });
  await prompt(page).fill('a storm');
  const steps = async (count) => {
    await page.getByRole('tab', { name: 'Painting' }).click();
    const field = page.getByRole('textbox', { name: 'Steps', exact: true });
    await field.fill(count);
    await field.press('Enter');
  };
  await steps('60');
  await page.getByRole('button', { name: 'Generate' }).click();
  await queue.getByText(/Painting \d/).waitFor({ timeout: 60_000 });
  const pid = paintingProcess(mainPid);
  if (pid === null) throw new Error('the painting process was not found');
  process.kill(pid, 'SIGKILL');
  await queue.getByText('The painting process ended').waitFor();
  check('a job whose process is killed says so', true);
  await studio.shot('lost-process');
  await steps('2');
  await prompt(page).fill('calm water');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByRole('button', { name: 'Keep as layer' }).waitFor({ timeout: 240_000 });
  check('the next job works', true);
  check('no document was touched', strokes(kept(studio.home)) === 4);
}

async function checkCancel(check, { page }) {
  const queue = page.getByRole('region', { name: 'Queue' });
  await prompt(page).fill('a long one');
  const field = page.getByRole('textbox', { name: 'Steps', exact: true });
  await field.fill('60');
  await field.press('Enter');
  await page.getByRole('button', { name: 'Generate' }).click();
  await queue.getByText(/Painting \d/).waitFor({ timeout: 60_000 });
  const before = Date.now();
  await page.getByRole('button', { name: 'Cancel' }).first().click();
  await queue.getByText('Cancelled').waitFor();
  const seconds = (Date.now() - before) / 1000;
  check(`a cancel takes ${seconds.toFixed(1)} s, at most 5`, seconds <= 5);
  check('and leaves the canvas ready', await page.getByRole('button', { name: 'Generate' }).isVisible());
}

export async function run(check) {
  const studio = await checkKill(check);
  try {
    await checkSaving(check, studio);
    await checkLostChild(check, studio);
    await checkCancel(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('failure-projects');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
