// A working day in minutes: the real studio is drawn in, written in, undone and redone thousands of times and paints
// hundreds of small pictures, and after each part of the day every process is asked how much memory it has.
//   node bench/soak.mjs [--hours 8] [--steps 3000] [--jobs 240] [--seed 1] [--json]
// `--steps` edits (strokes, notes, words) and about twice as many undone and redone steps, `--jobs` pictures, spread over
// so many parts. Bytes are those that a process has to itself (private, dirty), after its garbage was collected and the
// window was told that memory is short: it keeps the pictures that it has shown, decoded, for as long as nobody wants the
// memory. It is driven without Playwright, whose session keeps what the page fetches, in the window's own memory. The first part fills caches that stay, so the slope is taken over the parts after it. Status 1 if a process
// grew by more than a tenth, and by more than 16 MiB, from the second part's end to the last.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { descendants, paintingProcess } from '../e2e/processes.mjs';
import { startPlainStudio } from '../e2e/devtools.mjs';
import { prepareOrExit } from '../scripts/bootstrap/index.mjs';

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

const studio = await startPlainStudio();

async function measure() {
  for (let i = 0; i < 2; i++) await studio.page('HeapProfiler.collectGarbage');
  await studio.page('Memory.simulatePressureNotification', { level: 'critical' });
  await new Promise((resolve) => setTimeout(resolve, 1500)); // it gives back piece by piece
  const { usedSize } = await studio.page('Runtime.getHeapUsage');
  const children = descendants(studio.pid);
  const renderer = children.find(({ command }) => command.includes('--type=renderer'))?.pid;
  const painting = paintingProcess(studio.pid);
  return {
    main: privateBytes(studio.pid),
    window: renderer === undefined ? 0 : privateBytes(renderer),
    painting: painting === null ? 0 : privateBytes(painting),
    windowHeap: usedSize,
  };
}

const focusCanvas = () => studio.focus('[aria-label="Drawing area"]');
const focusRoll = () => studio.focus('[aria-label="Notes"]');

async function edit() {
  const kind = random();
  if (kind < 0.45) {
    const [x, y] = await studio.value(
      `(({ x, y, width, height }) => [x + width / 2, y + height / 2])(document.querySelector('.canvas-stage').getBoundingClientRect())`,
    );
    const at = () => (random() - 0.5) * 100;
    await studio.drag([
      [x + at(), y + at()],
      [x + at(), y + at()],
    ]);
  } else if (kind < 0.9) {
    await focusRoll();
    await studio.press(random() < 0.8 ? 'Enter' : 'ArrowUp');
  } else await studio.fill('[data-field="prompt"]', `picture ${Math.floor(random() * 1e6)}`);
}

async function backAndForth(count) {
  await focusCanvas();
  for (let i = 0; i < count; i++) await studio.press('Control+Z');
  for (let i = 0; i < count; i++) await studio.press('Control+Shift+Z');
}

// What is there at the end of a part is gone, so that all parts do the same; the history still leads back to it.
async function clear() {
  await focusRoll();
  for (const key of ['Control+A', 'Delete', 'Home']) await studio.press(key);
  await focusCanvas();
  await studio.press('Delete');
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const active = () => studio.count('.job-running, .job-queued, .job-stopping');

// Small pictures, some of them cancelled, kept and taken away again.
async function paint(count) {
  for (let i = 0; i < count; i++) {
    await focusCanvas();
    await studio.press('Control+Enter');
    for (let tries = 0; tries < 50 && (await active()) === 0; tries++) await sleep(10);
    if (random() < 0.1) await studio.press('Shift+X');
    while ((await active()) > 0) await sleep(40);
    await sleep(60); // its picture is fetched
    if ((await studio.count('.result-bar')) === 0) continue;
    await focusCanvas();
    if (random() < 0.5) await studio.press('Escape');
    else {
      const before = await studio.count('.layer');
      await studio.press('Enter');
      for (let tries = 0; tries < 500 && (await studio.count('.layer')) === before; tries++) await sleep(10);
      await focusCanvas();
      await studio.press('Control+Z');
    }
  }
}

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const rows = [];
function tell(part, measured, counts) {
  rows.push({ part, ...counts, ...measured });
  if (values.json) return;
  const { main: inMain, window: inWindow, painting, windowHeap } = measured;
  console.log(
    `part ${String(part).padStart(2)} of ${hours}: ${counts.edits} edits, ${counts.undone} steps undone and redone, ` +
      `${counts.painted} pictures; MiB: main ${mib(inMain)}, window ${mib(inWindow)} ` +
      `(heap ${mib(windowHeap)}), painting ${mib(painting)}`,
  );
}

const counts = { edits: 0, undone: 0, painted: 0 };
try {
  const toggles = await studio.value(`[...document.querySelectorAll('.pane-toggle')].map((toggle) => toggle.textContent)`);
  await studio.click(`.pane-toggle:nth-child(${toggles.findIndex((text) => /Piano roll/.test(text)) + 1})`);
  await studio.waitFor('[aria-label="Notes"]');
  await studio.value(`[...document.querySelectorAll('[role=tab]')].find((tab) => /Painting/.test(tab.textContent)).focus()`);
  await studio.waitFor('.paint-settings');
  for (const [name, number] of [
    ['Steps', 2],
    ['Width', 64],
    ['Height', 64],
  ]) {
    const field = await studio.value(
      `[...document.querySelectorAll('label')].find((label) => label.textContent === '${name}').htmlFor`,
    );
    await studio.fill(`[id="${field}"]`, String(number));
    await studio.press('Enter');
  }
  await studio.value(`[...document.querySelectorAll('[role=tab]')].find((tab) => /Layers/.test(tab.textContent)).focus()`);
  await studio.fill('[data-field="prompt"]', 'a first picture');
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
} finally {
  await studio.close();
}

const [, , from = rows[1], ...rest] = rows;
const last = rest.at(-1) ?? from;
let grew = false;
for (const who of ['main', 'window', 'painting']) {
  const by = last[who] - from[who];
  const toMuch = by > GROWTH.bytes && by > GROWTH.share * from[who];
  grew ||= toMuch;
  if (!values.json)
    console.log(`${toMuch ? 'GREW' : 'flat'} ${who}: ${mib(from[who])} to ${mib(last[who])} MiB from part ${from.part} to ${last.part}`);
}
if (values.json) console.log(JSON.stringify(rows));
process.exitCode = grew ? 1 : 0;
