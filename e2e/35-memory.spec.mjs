// What has to give memory back is said before the button is pressed, and is what then happens: the language model for a
// picture on a small card, one language model for another, one MIDI model for another. The card is Mesa's CPU device, of
// which the real server is told that so much is free; it takes layers by its arguments, as for a real one.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir, currentServer, modelPath } from '../scripts/lib/language.mjs';
import { root } from '../scripts/lib/paths.mjs';
import { paintSmall, startStudio } from './studio.mjs';

export const title = 'who gives memory back is told before';

const CARD_MIB = 240; // less than the language model would like

const line = (page, pane) => page.locator(`[data-pane=${pane}] .gives-way p`);

async function ask(page, text) {
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.fill(text);
  await field.press('Enter');
  const stop = page.getByRole('button', { name: 'Stop', exact: true });
  await stop.waitFor();
  await stop.waitFor({ state: 'detached', timeout: 120_000 });
}

async function checkPicture(check, { page, shot }) {
  check('nobody has to give way before a model is loaded', (await line(page, 'canvas').count()) === 0);
  await ask(page, 'Say yes.');
  await line(page, 'canvas').waitFor();
  const before = await line(page, 'canvas').innerText();
  const told = /^First the language model gives (\d+) MiB of \S+ back; it is loaded again/.exec(before);
  check('beside Generate stands that the language model gives way', told !== null, before);
  await shot('gives-way');
  await page.getByLabel('Prompt', { exact: true }).fill('a fish');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByRole('button', { name: 'Keep as layer' }).waitFor({ timeout: 240_000 });
  const job = page.getByRole('region', { name: 'Queue' }).locator('.job').first();
  const notice = await job.getByText('the language model gives', { exact: false }).innerText();
  check('the job says the same bytes', notice.includes(` ${told?.[1]} MiB of `), `${before}\n${notice}`);
  await line(page, 'canvas').waitFor({ state: 'detached' });
  check('after it nobody has to give way any more', true);
  await page.getByRole('button', { name: 'Discard' }).first().click();
  await ask(page, 'Say no.');
  await line(page, 'canvas').waitFor();
  check('the model has come back, and would give way again', (await line(page, 'canvas').count()) === 1);
}

async function checkAnswer(check, { page }) {
  check('the loaded model gives way to nobody', (await line(page, 'chat').count()) === 0);
  await page.getByRole('combobox', { name: 'Language model' }).selectOption('second');
  await line(page, 'chat').waitFor();
  const text = await line(page, 'chat').innerText();
  check(
    'another model unloads it, which is told',
    /^First the language model SmolLM2\S* is unloaded/.test(text),
    text,
  );
  await ask(page, 'Say yes.');
  await line(page, 'chat').waitFor({ state: 'detached' });
  check('and then it is the one that is loaded', true);
}

async function checkMusic(check, { page }) {
  await page.getByRole('button', { name: 'Piano roll', exact: true }).click();
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Shift+C');
  const panel = page.getByRole('complementary', { name: 'Composer' });
  await panel.getByText('Sampling').click();
  const events = panel.getByRole('textbox', { name: 'Events at most' });
  await events.fill('16');
  await events.press('Enter');
  await panel.getByRole('button', { name: 'Continue' }).click();
  await page
    .getByRole('group', { name: 'Proposed music' })
    .getByText(/events, \d+ a second/)
    .waitFor({ timeout: 120_000 });
  check('a first run unloads nothing', (await line(page, 'roll').count()) === 0);
  await panel.getByRole('combobox', { name: 'Model' }).selectOption('second-midi');
  await line(page, 'roll').waitFor();
  const text = await line(page, 'roll').innerText();
  check(
    'another MIDI model unloads the first',
    /^First the composer’s model midi-small is unloaded/.test(text),
    text,
  );
}

export async function run(check) {
  const server = currentServer();
  if (server === null || !existsSync(modelPath)) {
    check.note('the language model is not set up: this is looked at on machines that have one');
    return;
  }
  const home = mkdtempSync(join(tmpdir(), 'sluice-e2e-'));
  const models = join(home, 'data', 'sluice', 'models');
  const cache = join(home, 'cache', 'sluice');
  for (const folder of [models, cache]) mkdirSync(folder, { recursive: true });
  for (const name of ['llama-server', 'models']) symlinkSync(join(cacheDir, name), join(cache, name));
  symlinkSync(modelPath, join(models, 'second.gguf'));
  cpSync(join(root, 'resources', 'models', 'midi-small'), join(models, 'second-midi'), { recursive: true });
  const studio = await startStudio({ home });
  try {
    const { page } = studio;
    // The card's name is what the engine calls it.
    const device = await page.evaluate(
      async () => (await globalThis.sluice.painting.devices()).value[0].name,
    );
    const card = join(home, 'card-server');
    const listed = `Available devices:\\n  Card0: ${device} (${CARD_MIB} MiB, ${CARD_MIB} MiB free)`;
    writeFileSync(
      card,
      `#!/bin/sh\ncase "$1" in --list-devices) printf '${listed}\\n'; exit;; esac\nexec '${server.path}' "$@"\n`,
      { mode: 0o755 },
    );
    await studio.app.evaluate(({ dialog }, path) => {
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [path] });
    }, card);
    await page.evaluate(() => globalThis.sluice.settings.chooseServer());
    await paintSmall(page);
    await checkPicture(check, studio);
    await checkAnswer(check, studio);
    await checkMusic(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('memory-failure');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close({ keepHome: true });
    rmSync(home, { recursive: true, force: true });
  }
}
