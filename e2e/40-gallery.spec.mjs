// The gallery: what was painted is there after a restart, is found, gives its settings and drawings back, goes to the
// canvas, to the folder, to the trash, out of the window and into it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPanes } from './axe.mjs';
import { drawingArea, drawStroke, paintSmall, startStudio } from './studio.mjs';

export const title = 'the gallery';

const MANY = 400;
const prompt = (page) => page.getByLabel('Prompt', { exact: true });
const layers = (page) => page.getByRole('list', { name: 'Layers, from the top' }).getByRole('listitem');
const pictures = (page) => page.getByRole('listbox', { name: 'Pictures, newest first' });

// One picture, steered by a scribble.
async function paint(check) {
  const studio = await startStudio();
  const { page } = studio;
  try {
    await paintSmall(page);
    const { x, y } = await drawingArea(page);
    await drawStroke(page, [
      [x - 100, y - 60],
      [x + 100, y + 60],
    ]);
    await prompt(page).fill('a green boat');
    await page.getByRole('button', { name: 'Gallery', exact: true }).click();
    await page.getByText('Pictures are kept here when they are painted').waitFor();
    await page.getByRole('button', { name: 'Generate' }).click();
    await pictures(page).getByRole('option', { name: 'a green boat' }).waitFor({ timeout: 240_000 });
    check('a painted picture comes into the open gallery', true);
    return studio.home;
  } finally {
    await studio.close({ keepHome: true });
  }
}

async function checkFinding(check, { page }) {
  await page.getByText(`${MANY + 1} pictures`).waitFor();
  const shown = await pictures(page).getByRole('option').count();
  check(`of ${MANY + 1} pictures ${shown} are in the page`, shown > 4 && shown < 150);
  await page.getByRole('searchbox', { name: 'Search pictures' }).fill('boat GREEN');
  check('they are found by their prompts', (await pictures(page).getByRole('option').count()) > 4);
  await page.getByRole('searchbox', { name: 'Search pictures' }).fill('locomotive');
  await page.getByText('No picture fits').waitFor();
  await page.getByRole('searchbox', { name: 'Search pictures' }).fill('');
  await pictures(page).focus();
  await page.keyboard.press('End');
  await page.locator(`[role=option][aria-selected=true][aria-posinset="${MANY + 1}"]`).waitFor();
  check('the keyboard goes through them', true);
  await page.keyboard.press('Home');
}

async function checkRecall(check, { page }) {
  await page.getByRole('tab', { name: 'Layers' }).click();
  const before = await layers(page).count();
  await pictures(page).focus();
  await page.keyboard.press('A');
  await page.getByText('Everything that the picture was made from is back.').waitFor();
  check('the prompt is back', (await prompt(page).inputValue()) === 'a green boat');
  check('and the drawing that steered it', (await layers(page).count()) === before + 1);
  await page.getByRole('tab', { name: 'Painting' }).click();
  const value = (name) => page.getByRole('textbox', { name, exact: true }).inputValue();
  const found = [await value('Steps'), await value('Width'), /^\d+$/.test(await value('Seed'))].join();
  check('and seed, size and steps', found === '2,64,true', found);
  await page.getByRole('button', { name: 'Undo: Recall' }).click();
  check('as one step', (await prompt(page).inputValue()) === 'something else');
  await page.getByRole('tab', { name: 'Layers' }).click();
  await pictures(page).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction((count) => document.querySelectorAll('.layer').length === count, before + 1);
  check(
    'a picture is placed as a layer',
    await page.getByRole('button', { name: 'Undo: Place picture' }).isEnabled(),
  );
}

async function checkFiles(check, studio) {
  const { page, app, home } = studio;
  const folder = join(home, 'data', 'sluice', 'gallery');
  await app.evaluate(({ shell, BrowserWindow }) => {
    globalThis.seen = {};
    shell.showItemInFolder = (path) => (globalThis.seen.shown = path);
    BrowserWindow.getAllWindows()[0].webContents.startDrag = ({ file, icon }) =>
      (globalThis.seen.dragged = { file, icon: icon.getSize().width });
  });
  await page.getByRole('button', { name: 'Show in its folder' }).click();
  const option = pictures(page).getByRole('option', { selected: true });
  await option.dragTo(page.getByRole('application', { name: 'Drawing area' }));
  const seen = await app.evaluate(() => globalThis.seen);
  check(
    'it is shown in its folder',
    existsSync(seen.shown ?? '') && seen.shown.startsWith(folder),
    JSON.stringify(seen),
  );
  check(
    'it is dragged out as a file',
    seen.dragged?.file === seen.shown && seen.dragged.icon > 0,
    JSON.stringify(seen),
  );

  const gone = seen.shown;
  await pictures(page).focus();
  await page.keyboard.press('Delete');
  await page.getByText('The picture is in the trash.').waitFor();
  const trash = join(home, 'data', 'Trash', 'files');
  check('the trash has it', !existsSync(gone) && readdirSync(trash).length === 1);

  // Dropped from outside: the same bytes under another name are the same picture.
  const drop = (name, bytes) =>
    page.evaluate(
      ([fileName, data]) => {
        const transfer = new globalThis.DataTransfer();
        transfer.items.add(new globalThis.File([new Uint8Array(data)], fileName, { type: 'image/png' }));
        document
          .querySelector('.gallery')
          .dispatchEvent(
            new globalThis.DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }),
          );
      },
      [name, [...bytes]],
    );
  const back = readFileSync(join(trash, readdirSync(trash)[0]));
  await drop('from outside.png', back);
  await page.getByText(`${MANY + 1} pictures`).waitFor();
  const brought = readdirSync(folder).find((name) => name.includes('from outside'));
  check('a dropped file is kept byte for byte', readFileSync(join(folder, brought)).equals(back));
  await drop('words.png', Buffer.from('no picture at all'));
  await page.getByText('This file cannot be read as a picture').waitFor();
  check('what is no picture is refused by name', true);
  await page.getByRole('button', { name: 'Star', exact: true }).click();
  await page.getByRole('button', { name: 'Starred only' }).click();
  await page.getByText('1 picture', { exact: true }).waitFor();
  check('stars tell pictures apart', true);
  await page.getByRole('button', { name: 'Starred only' }).click();
  await page.getByRole('combobox', { name: 'Board', exact: true }).fill('Boats');
  await page.keyboard.press('Enter');
  const boards = page.locator('select[aria-label="Board"]');
  await boards.selectOption('Boats');
  await page.getByText('1 picture', { exact: true }).waitFor();
  check('a picture is put on a board', true);
  await boards.selectOption('');
  await pictures(page).focus();
  await page.keyboard.press('C');
  await page.keyboard.press('ArrowRight');
  const compared = page.getByRole('region', { name: 'Two pictures compared' });
  await compared.getByRole('img', { name: /^Left: / }).waitFor();
  check('two pictures are compared', (await compared.getByRole('img').count()) === 2);
  await checkPanes(check, studio, 'compare');
  await compared.getByRole('slider').press('Home');
  const clipped = await compared
    .getByRole('img', { name: /^Left: / })
    .evaluate((image) => image.style.clipPath);
  check('the slider says how much of which is seen', /100%/.test(clipped), clipped);
}

export async function run(check) {
  const home = await paint(check);
  const folder = join(home, 'data', 'sluice', 'gallery');
  const [first] = readdirSync(folder).filter((name) => name.endsWith('.png'));
  const painted = readFileSync(join(folder, first));
  // What follows a PNG file's end is no part of the picture, and makes each a file of its own.
  for (let n = 0; n < MANY; n++)
    writeFileSync(join(folder, `copy-${n}.png`), Buffer.concat([painted, Buffer.from(`copy ${n}`)]));
  const studio = await startStudio({ home });
  const { page } = studio;
  try {
    await prompt(page).fill('something else');
    await checkFinding(check, studio);
    await checkRecall(check, studio);
    await checkPanes(check, studio, 'gallery');
    await checkFiles(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('failure-gallery');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
