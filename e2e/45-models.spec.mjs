// Settings and models: found by words, kept, and used by what comes next; a model from a server on this machine,
// paused, gone on with and checked.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { checkPanes } from './axe.mjs';
import { root } from '../scripts/lib/paths.mjs';
import { drawingArea, drawStroke, newestPicture, paintSmall, startStudio } from './studio.mjs';

export const title = 'settings and models';

// One layer of the embedded model's UNet, in the layout that kohya-ss's trainers save.
function loraFile() {
  const layer = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v';
  const wave = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i));
  const header = JSON.stringify({
    [`${layer}.lora_down.weight`]: { dtype: 'F32', shape: [1, 64], data_offsets: [0, 256] },
    [`${layer}.lora_up.weight`]: { dtype: 'F32', shape: [64, 1], data_offsets: [256, 512] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.from(wave.buffer);
  return Buffer.concat([length, Buffer.from(header), data, data]);
}

async function checkSettings(check, { page, app, home }) {
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await page.keyboard.press('Control+,');
  const pane = page.getByRole('region', { name: 'Settings', exact: true });
  await pane.getByRole('searchbox', { name: 'Search settings' }).fill('vram');
  await pane.getByRole('region', { name: 'Painting' }).waitFor();
  check('settings are found by words', (await pane.getByRole('heading', { level: 3 }).count()) === 1);
  const budget = pane.getByRole('textbox', { name: 'Memory budget' });
  await budget.fill('512');
  await budget.press('Enter');
  await pane.getByText('At most 512 MiB of graphics memory').waitFor();
  const kept = () =>
    JSON.parse(readFileSync(join(home, 'data', 'sluice', 'studio', 'settings.json'), 'utf8'));
  check('the memory budget is kept', kept().budgetMebibytes === 512, JSON.stringify(kept()));
  await page.getByRole('tab', { name: 'Painting' }).click();
  await page.getByText('Least that works').waitFor({ timeout: 60_000 });

  // A folder shared with another program: a ControlNet for poses by its name, and a file that is no model.
  const shared = join(home, 'shared models');
  mkdirSync(shared);
  writeFileSync(join(shared, 'broken.gguf'), 'no model');
  writeFileSync(join(shared, 'ink.safetensors'), loraFile());
  // It was trained on scribbles, and is as good as any to see that a pose gets there.
  symlinkSync(join(root, 'resources', 'models', 'controlnet-scribble'), join(shared, 'controlnet-openpose'));
  await app.evaluate(({ dialog }, folder) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [folder] });
  }, shared);
  await pane.getByRole('searchbox', { name: 'Search settings' }).fill('');
  await pane.getByRole('button', { name: 'Add a folder…' }).click();
  await pane.getByRole('list', { name: 'Extra model folders' }).getByText('shared models').waitFor();
  check('a folder of models is added by the dialog', kept().modelFolders.join() === shared);
  await pane.getByRole('combobox', { name: 'Theme' }).selectOption('light');
  const dark = await app.evaluate(({ nativeTheme }) => nativeTheme.themeSource);
  check('the theme is the chosen one', dark === 'light', dark);
}

async function checkMissing(check, { page }) {
  await page.getByRole('tab', { name: 'Layers' }).click();
  await page.getByRole('button', { name: 'Add a pose layer' }).click();
  await page.getByText('A pose layer needs a ControlNet for poses').waitFor();
  check('a kind without a ControlNet asks for one', true);
  check('and shows the models', await page.getByRole('region', { name: 'Models', exact: true }).isVisible());
  await page.getByRole('button', { name: 'Hide Models' }).click();
}

async function checkPose(check, studio) {
  const { page, app, home } = studio;
  await page.getByRole('button', { name: 'Hide Settings' }).click();
  await page.getByRole('button', { name: 'Hide Chat' }).click();
  await paintSmall(page);
  await page.getByRole('tab', { name: 'Layers' }).click();
  await page.getByRole('button', { name: 'Add a pose layer' }).click();
  const down = page.getByRole('textbox', { name: 'Down' });
  await down.waitFor();
  const nose = Number(await down.inputValue());
  const { x, y } = await drawingArea(page);
  // The box is 64 pixels and fits the free room between the bars, so its scale is what the zoom says.
  const scale = Number(/\d+/.exec(await page.getByText(/^\d+%$/).innerText())[0]) / 100;
  const middle = y + (40 - 76) / 2;
  const at = [x, middle + (nose - 32) * scale];
  await drawStroke(page, [at, [at[0], at[1] + 10 * scale]]);
  const moved = Number(await down.inputValue());
  check('a joint is dragged', Math.abs(moved - nose - 10) < 1, `${nose} to ${moved}`);
  await page.getByRole('button', { name: 'Undo: Pose' }).click();
  check('as one step', Number(await down.inputValue()) === nose);
  await down.fill('20');
  await down.press('Enter');
  const file = join(home, 'pose.json');
  await app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, file);
  await page.getByRole('button', { name: 'Save as an OpenPose file…' }).click();
  await page.getByText('Saved as pose.json.').waitFor();
  const saved = JSON.parse(readFileSync(file, 'utf8'));
  check(
    'it is saved for OpenPose',
    saved.people[0].pose_keypoints_2d.slice(1, 3).join() === '20,1',
    JSON.stringify(saved),
  );
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open an OpenPose file…' }).click();
  await (await choosing).setFiles(file);
  await page.getByText('Person 2').waitFor();
  check('and read from there', true);
  await checkPanes(check, studio, 'pose');

  await page.getByLabel('Prompt', { exact: true }).fill('a {red|green} dancer');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByRole('button', { name: 'Keep as layer' }).waitFor({ timeout: 240_000 });
  const queue = page.getByRole('region', { name: 'Queue' });
  check(
    'wildcards are chosen',
    await queue
      .getByText(/^a (red|green) dancer$/)
      .first()
      .isVisible(),
  );
  const controls = join(home, 'data', 'sluice', 'gallery', 'controls');
  const [hint] = readdirSync(controls);
  const seen = await page.evaluate(async (url) => {
    const bitmap = await globalThis.createImageBitmap(await (await fetch(url)).blob());
    const canvas = new globalThis.OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let [black, coloured] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b] = data.subarray(i, i + 3);
      if (r + g + b === 0) black++;
      else if (Math.max(r, g, b) - Math.min(r, g, b) > 100) coloured++;
    }
    return { black: black / (data.length / 4), coloured };
  }, `app://studio/gallery/controls/${hint}`);
  check('the ControlNet sees colours on black', seen.black > 0.5 && seen.coloured > 30, JSON.stringify(seen));
}

// A LoRA is chosen where the picture's settings are, its strength is changed there, and the prompt names it.
async function checkLora(check, studio) {
  const { page } = studio;
  const prompt = page.getByLabel('Prompt', { exact: true });
  const paint = async () => {
    await page.getByRole('button', { name: 'Generate' }).click();
    await page.getByRole('button', { name: 'Discard' }).click({ timeout: 240_000 });
    return await newestPicture(studio);
  };
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('tab', { name: 'Painting' }).click();
  await page.getByRole('textbox', { name: 'Seed' }).fill('7');
  await prompt.fill('a dancer');
  const plain = await paint();
  await page.getByRole('combobox', { name: 'Add' }).selectOption('ink');
  check('a LoRA is named in the prompt', (await prompt.inputValue()) === 'a dancer <lora:ink:1>');
  const strength = page.getByRole('textbox', { name: 'ink' });
  await strength.fill('0.8');
  await strength.press('Enter');
  check('its strength stands there', (await prompt.inputValue()) === 'a dancer <lora:ink:0.8>');
  await checkPanes(check, studio, 'lora');
  const painted = await paint();
  check('it makes another picture of the same job', !painted.pixels.equals(plain.pixels));
  check('and the picture says so', painted.prompt === 'a dancer <lora:ink:0.8>', painted.prompt);
  await page.getByRole('button', { name: 'Without ink' }).click();
  check('it is taken away', (await prompt.inputValue()) === 'a dancer');
  check('and the picture is as it was', (await paint()).pixels.equals(plain.pixels));
  await prompt.fill('a dancer <lora:nowhere:1>');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page
    .getByText(/no LoRA named "nowhere"; known are ink/)
    .first()
    .waitFor();
  check('one that is not there is named', true);
}

// Sends a megabyte and waits, until it may send the rest.
async function modelServer(content) {
  const state = { hold: true, ranges: [] };
  const server = createServer((request, response) => {
    const { range } = request.headers;
    const from = range === undefined ? 0 : Number(/\d+/.exec(range)[0]);
    state.ranges.push(range ?? null);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': content.length - from,
      etag: '"a"',
      ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    if (state.hold) response.write(content.subarray(from, 1_000_000));
    else response.end(content.subarray(from));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { state, url: `http://127.0.0.1:${server.address().port}/boat.gguf`, close };
}

async function checkModels(check, { page, home }) {
  await page.getByRole('button', { name: 'Models', exact: true }).click();
  const pane = page.getByRole('region', { name: 'Models', exact: true });
  const pictures = pane.getByRole('list', { name: 'Pictures' });
  await pictures.getByText('icons-256').waitFor({ timeout: 60_000 });
  const [text] = await pictures.getByRole('listitem').allInnerTexts();
  check(
    'a picture model says what it needs',
    /Fits: it needs at least \d+ MiB.*offers \d+ MiB/.test(text),
    text,
  );
  check('and its licence', /MIT/i.test(text), text);
  await pane.getByText('controlnet-scribble').waitFor();
  await pane.getByText('broken', { exact: false }).first().waitFor();
  check('what cannot be read says so', await pane.getByText('Cannot be read').first().isVisible());

  const content = randomBytes(2_500_000);
  const server = await modelServer(content);
  try {
    const fetchButton = pane.getByRole('button', { name: 'Download', exact: true });
    await pane.getByRole('textbox', { name: 'Address of a model file' }).fill(server.url);
    check('a licence is read before', await fetchButton.isDisabled());
    check('nothing is contacted before', server.state.ranges.length === 0);
    const hash = createHash('sha256').update(content).digest('hex');
    await pane.getByRole('textbox', { name: 'SHA-256 from its page' }).fill(hash);
    await pane.getByRole('checkbox', { name: 'I have read the model’s licence' }).check();
    await fetchButton.click();
    await pane.getByText('977 KiB').waitFor();
    await pane.getByRole('button', { name: 'Pause boat.gguf' }).click();
    await pane.getByText(/^Paused at/).waitFor();
    server.state.hold = false;
    await pane.getByRole('button', { name: 'Go on with boat.gguf' }).click();
    await pane.getByText(hash).waitFor();
    const file = join(home, 'data', 'sluice', 'models', 'boat.gguf');
    check(
      'a download goes on where it was',
      server.state.ranges.join() === ',bytes=1000000-',
      server.state.ranges.join(),
    );
    check('and is whole', existsSync(file) && readFileSync(file).equals(content));
    const trash = pane.getByRole('button', { name: 'Move boat to the trash' });
    await trash.click();
    await page.getByText('boat is in the trash.').waitFor();
    await trash.waitFor({ state: 'detached' });
    check('what was downloaded can be thrown away', !existsSync(file));
    check('and only that', (await pane.getByRole('button', { name: /to the trash$/ }).count()) === 0);
  } finally {
    server.close();
  }
}

export async function run(check) {
  const studio = await startStudio();
  try {
    await checkMissing(check, studio);
    await checkSettings(check, studio);
    await checkModels(check, studio);
    await checkPanes(check, studio, 'models');
    await studio.page.getByRole('button', { name: 'Hide Models' }).click();
    await checkPose(check, studio);
    await checkLora(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('failure-models');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
