// What hands know from other tools: pictures let go on zones, transparency that is kept, a shape moved while it is drawn,
// a layer's edges, and painting that follows the drawing.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { checkPanes } from './axe.mjs';
import { drawingArea, drawStroke, paintSmall, startStudio } from './studio.mjs';

export const title = 'the canvas by hand';

const layers = (page) => page.getByRole('list', { name: 'Layers, from the top' }).getByRole('listitem');
const folderOf = ({ home }, ...names) => join(home, 'data', 'sluice', 'gallery', ...names);

// [r, g, b] of one pixel of the window.
async function pixelAt(page, x, y) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const clip = { x: Math.round(x), y: Math.round(y), width: 1, height: 1 };
  const { data } = await sharp(await page.screenshot({ clip }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data.subarray(0, 3)];
}
const isPaper = ([r, g, b]) => r > 245 && g > 245 && b > 245;

// A picture of a dark ring on white, dragged to where `name` says; its events as a file manager's drag sends them.
async function dropRing(page, name, look = async () => undefined) {
  const place = (selector, type) =>
    page.evaluate(
      async ([where, event]) => {
        if (globalThis.dragged === undefined) {
          const canvas = new globalThis.OffscreenCanvas(64, 64);
          const context = canvas.getContext('2d');
          context.fillStyle = '#fff';
          context.fillRect(0, 0, 64, 64);
          context.lineWidth = 4;
          context.arc(32, 32, 20, 0, 7);
          context.stroke();
          globalThis.dragged = new globalThis.DataTransfer();
          const blob = await canvas.convertToBlob();
          globalThis.dragged.items.add(new globalThis.File([blob], 'ring.png', { type: 'image/png' }));
        }
        const detail = { dataTransfer: globalThis.dragged, bubbles: true, cancelable: true };
        document.querySelector(where).dispatchEvent(new globalThis.DragEvent(event, detail));
      },
      [selector, type],
    );
  await place('[aria-label="Drawing area"]', 'dragover');
  await page.getByRole('group', { name: 'Let a picture go here' }).waitFor();
  await look();
  await place(`.picture-zone[aria-label="${name}"]`, 'drop');
  await page.getByRole('group', { name: 'Let a picture go here' }).waitFor({ state: 'detached' });
}

async function checkZones(check, studio) {
  const { page } = studio;
  await page.getByRole('tab', { name: 'Layers' }).click();
  const before = await layers(page).count();
  await dropRing(page, 'Picture', async () => {
    const zones = page.getByRole('group', { name: 'Let a picture go here' }).getByRole('img');
    check('a dragged picture may become five things', (await zones.count()) === 5);
    await checkPanes(check, studio, 'picture-zones');
  });
  await page.waitForFunction((count) => document.querySelectorAll('.layer').length === count, before + 1);
  await dropRing(page, 'Scribble');
  await page.waitForFunction((count) => document.querySelectorAll('.layer').length === count, before + 2);
  check('it becomes what it was let go on', (await layers(page).getByText('ring').count()) === 2);
  await dropRing(page, 'Depth');
  await page.getByText('A depth layer needs a ControlNet for depth').waitFor();
  check('where a ControlNet is missing it is asked for', (await layers(page).count()) === before + 2);
  await page.getByRole('button', { name: 'Hide Models' }).click();
}

// The ring was dark on white; the ControlNet sees light on dark.
async function checkPolarity(check, studio) {
  const { page } = studio;
  await page.getByLabel('Prompt', { exact: true }).fill('a wheel');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByRole('button', { name: 'Discard' }).click({ timeout: 240_000 });
  const [hint] = readdirSync(folderOf(studio, 'controls'));
  const { data } = await sharp(folderOf(studio, 'controls', hint))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const light = data.filter((value) => value > 128).length / data.length;
  check('a scribble of dark lines on paper steers as light ones', light > 0.03 && light < 0.4, String(light));
}

async function checkTracing(check, { page }) {
  await layers(page).getByRole('button', { name: 'Draw on ring' }).last().click();
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await page.keyboard.press('Shift+F');
  await layers(page).getByText('Edges of ring').waitFor();
  check("a layer's edges are a layer that steers", true);
  await page.keyboard.press('Control+Z');
  check('as one step', (await layers(page).getByText('Edges of ring').count()) === 0);
}

async function checkMarks(check, { page }) {
  await page.getByRole('button', { name: 'Add a paint layer' }).click();
  const { x, y } = await drawingArea(page);
  const area = page.getByRole('application', { name: 'Drawing area' });
  await area.focus();
  const lane = y + 120; // below the ring
  await drawStroke(page, [
    [x - 150, lane],
    [x + 150, lane],
  ]);
  const lock = page.getByRole('button', { name: 'Keep transparency: paint only where paint is' });
  await lock.click();
  await area.focus();
  await page.keyboard.press('X'); // the other colour, white
  await page.keyboard.press('D');
  await drawStroke(page, [
    [x, lane - 60],
    [x, lane + 60],
  ]);
  const [crossing, beside] = [await pixelAt(page, x, lane), await pixelAt(page, x, lane + 45)];
  check(
    'with its transparency kept a layer takes paint where paint is',
    crossing.every((v) => v < 60),
    crossing.join(),
  );
  check('and nowhere else', isPaper(beside), beside.join());
  await page.keyboard.press('Control+Z');
  await page.getByRole('button', { name: 'Paint everywhere' }).click();

  await area.focus();
  await page.keyboard.press('U');
  await page.mouse.move(x - 140, lane - 50);
  await page.mouse.down();
  await page.mouse.move(x - 60, lane - 20, { steps: 4 });
  await page.keyboard.down('Space');
  await page.mouse.move(x + 60, lane - 20, { steps: 4 });
  await page.keyboard.up('Space');
  await page.mouse.up();
  const [was, is] = [await pixelAt(page, x - 140, lane - 35), await pixelAt(page, x - 20, lane - 35)];
  check(
    'Space moves a shape while it is drawn',
    isPaper(was) && !isPaper(is),
    `${was.join()} and ${is.join()}`,
  );
  await page.keyboard.press('B');
}

async function checkLive(check, studio) {
  const { page } = studio;
  const { x, y } = await drawingArea(page);
  const kept = () => readdirSync(folderOf(studio)).filter((name) => name.endsWith('.png')).length;
  const jobs = () => page.locator('.job').count();
  const [pictures, listed, layersBefore] = [kept(), await jobs(), await layers(page).count()];
  await page.getByRole('button', { name: 'Paint live, while I draw' }).click();
  const picture = page.getByRole('img', { name: 'Live: a wheel' });
  await picture.waitFor({ timeout: 240_000 });
  await checkPanes(check, studio, 'live');
  const first = await picture.getAttribute('src');
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await drawStroke(page, [
    [x - 100, y - 100],
    [x + 100, y - 60],
  ]);
  await page.waitForFunction((src) => document.querySelector('img.live-picture').src !== src, first, {
    timeout: 240_000,
  });
  check('a stroke is painted without a word', true);
  await picture.dblclick();
  await page.waitForFunction(
    (count) => document.querySelectorAll('.layer').length === count,
    layersBefore + 1,
  );
  check('a double click takes the picture as a layer', true);
  await page.getByRole('button', { name: 'Stop painting live' }).first().click();
  await page.getByRole('group', { name: 'Live painting' }).waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.querySelector('.job-badge') === null, undefined, {
    timeout: 60_000,
  });
  await page.waitForFunction((count) => document.querySelectorAll('.job').length === count, listed);
  check('the gallery has no picture more', kept() === pictures);
  check('and the queue no job', true);
}

export async function run(check) {
  const studio = await startStudio();
  try {
    await paintSmall(studio.page);
    await checkZones(check, studio);
    await checkPolarity(check, studio);
    await checkTracing(check, studio);
    await checkMarks(check, studio);
    await checkLive(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('failure');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
