// A working day in minutes: the real studio is drawn in, written in, undone and redone thousands of times and paints
// hundreds of small pictures, and after each part of the day every process is asked how much memory it has.
//   node bench/soak.mjs [--hours 8] [--steps 3000] [--jobs 240] [--seed 1] [--json]
// `--steps` edits (strokes, notes, words) and about twice as many undone and redone steps, `--jobs` pictures, spread over
// so many parts. Bytes are those that a process has to itself (private, dirty), after its garbage was collected and the
// window was told that memory is short: it keeps the pictures that it has shown, decoded, for as long as nobody wants the
// memory. The first part fills caches that stay, so the slope is taken over the parts after it. Status 1 if a process
// grew by more than a tenth, and by more than 16 MiB, from the second part's end to the last.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { descendants, paintingProcess } from '../e2e/processes.mjs';
import { drawingArea, drawStroke, paintSmall, startStudio } from '../e2e/studio.mjs';
import { prepareOrExit } from '../scripts/bootstrap/index.mjs';
import { cacheDir } from '../scripts/lib/language.mjs';

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '8' },
    steps: { type: 'string', default: '3000' },
    jobs: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const [hours, steps, jobs] = [values.hours, values.steps, values.jobs].map(Number);
const GROWTH = { share: 0.1, bytes: 16 * 2 ** 20 };
await prepareOrExit('run', { json: values.json });
process.env.SLUICE_E2E_CACHE ??= join(cacheDir, '..'); // caches that are filled already

let state = Number(values.seed) >>> 0;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

// What only this process has and could not give back: shared libraries and mapped files are not counted.
function privateBytes(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

const studio = await startStudio();
const { app, page } = studio;
const main = app.process().pid;
const devtools = await page.context().newCDPSession(page);

async function measure() {
  for (let i = 0; i < 2; i++) await devtools.send('HeapProfiler.collectGarbage');
  await devtools.send('Memory.simulatePressureNotification', { level: 'critical' });
  await new Promise((resolve) => setTimeout(resolve, 1500)); // it gives back piece by piece
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  const heap = await app.evaluate(() => process.memoryUsage().heapUsed);
  const children = descendants(main);
  const renderer = children.find(({ command }) => command.includes('--type=renderer'))?.pid;
  const painting = paintingProcess(main);
  return {
    main: privateBytes(main),
    window: renderer === undefined ? 0 : privateBytes(renderer),
    painting: painting === null ? 0 : privateBytes(painting),
    mainHeap: heap,
    windowHeap: usedSize,
  };
}

const focusCanvas = () => page.getByRole('application', { name: 'Drawing area' }).focus();
const focusRoll = () => page.getByRole('application', { name: 'Notes' }).focus();

async function edit() {
  const kind = random();
  if (kind < 0.45) {
    const { x, y } = await drawingArea(page);
    const at = () => (random() - 0.5) * 100;
    await drawStroke(page, [
      [x + at(), y + at()],
      [x + at(), y + at()],
    ]);
  } else if (kind < 0.9) {
    await focusRoll();
    await page.keyboard.press(random() < 0.8 ? 'Enter' : 'ArrowUp');
  } else await page.getByLabel('Prompt', { exact: true }).fill(`picture ${Math.floor(random() * 1e6)}`);
}

async function backAndForth(count) {
  await focusCanvas();
  for (let i = 0; i < count; i++) await page.keyboard.press('Control+Z');
  for (let i = 0; i < count; i++) await page.keyboard.press('Control+Shift+Z');
}

// What is there at the end of a part is gone, so that all parts do the same; the history still leads back to it.
async function clear() {
  await focusRoll();
  for (const key of ['Control+A', 'Delete', 'Home']) await page.keyboard.press(key);
  await focusCanvas();
  await page.keyboard.press('Delete');
}

const active = () => page.locator('.job-running, .job-queued, .job-stopping').count();

// Small pictures, some of them cancelled, kept and taken away again.
async function paint(count) {
  for (let i = 0; i < count; i++) {
    await focusCanvas();
    await page.keyboard.press('Control+Enter');
    await page.locator('.job-running').first().waitFor({ timeout: 20_000 }).catch(() => undefined);
    if (random() < 0.1) await page.keyboard.press('Shift+X');
    while ((await active()) > 0) await new Promise((resolve) => setTimeout(resolve, 40));
    const keep = page.getByRole('button', { name: 'Keep as layer' });
    if ((await keep.count()) === 0) continue;
    if (random() < 0.5) await page.getByRole('group', { name: 'Result' }).getByRole('button', { name: 'Discard' }).click();
    else {
      const before = await page.locator('.layer').count();
      await keep.click();
      await page.waitForFunction((had) => document.querySelectorAll('.layer').length > had, before);
      await focusCanvas();
      await page.keyboard.press('Control+Z');
    }
  }
}

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const rows = [];
function tell(part, measured, counts) {
  rows.push({ part, ...counts, ...measured });
  if (values.json) return;
  const { main: inMain, window: inWindow, painting, mainHeap, windowHeap } = measured;
  console.log(
    `part ${String(part).padStart(2)} of ${hours}: ${counts.edits} edits, ${counts.undone} steps undone and redone, ` +
      `${counts.painted} pictures; MiB: main ${mib(inMain)} (heap ${mib(mainHeap)}), window ${mib(inWindow)} ` +
      `(heap ${mib(windowHeap)}), painting ${mib(painting)}`,
  );
}

const counts = { edits: 0, undone: 0, painted: 0 };
try {
  await page.getByRole('button', { name: 'Piano roll', exact: true }).click();
  await page.getByRole('application', { name: 'Notes' }).waitFor();
  await paintSmall(page);
  await page.getByRole('tab', { name: 'Layers' }).click();
  await page.getByLabel('Prompt', { exact: true }).fill('a first picture');
  tell(0, await measure(), counts);
  for (let part = 1; part <= hours; part++) {
    const edits = Math.round(steps / hours);
    for (let i = 1; i <= edits; i++) {
      await edit();
      counts.edits++;
      if (i % 25 === 0) {
        await backAndForth(25);
        counts.undone += 25;
      }
    }
    const pictures = Math.round(jobs / hours);
    await paint(pictures);
    counts.painted += pictures;
    await clear();
    tell(part, await measure(), { ...counts });
  }
  if (studio.problems.length > 0) console.log(`the page reported:\n${studio.problems.join('\n')}`);
} finally {
  await studio.close();
}

const [, , from = rows[1], ...rest] = rows;
const last = rest.at(-1) ?? from;
let grew = studio.problems.length > 0;
for (const who of ['main', 'window', 'painting']) {
  const by = last[who] - from[who];
  const toMuch = by > GROWTH.bytes && by > GROWTH.share * from[who];
  grew ||= toMuch;
  if (!values.json)
    console.log(`${toMuch ? 'GREW' : 'flat'} ${who}: ${mib(from[who])} to ${mib(last[who])} MiB from part ${from.part} to ${last.part}`);
}
if (values.json) console.log(JSON.stringify(rows));
process.exitCode = grew ? 1 : 0;
