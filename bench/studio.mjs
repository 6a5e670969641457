// The window's figures, each beside what it is meant to keep to. One run, on a machine that does nothing else:
//   node bench/studio.mjs [--starts 5] [--only start,pointer,notes,idle,loop] [--json]
// Start: from the process being started to a drawing area that takes strokes; cold is the first start of a new user,
// after the system's file cache was emptied where that is allowed, warm the next ones. Pointer: from the event to the
// end of the frame that shows it, for every point of a mouse that tells its place 125 times a second. On a screen of 60 Hz
// a frame begins up to 16.7 ms after an event, so it is also counted how many points missed the first frame after them.
// Delay of the main process's event loop while it paints, composes and chats at once (chatting where the language model is
// set up). Idle: processor time of all processes, of one core.
// Beside starts and pointer stands what an empty window of the same runtime takes, one that draws nothing but a line.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium } from '@playwright/test';
import midi from 'midi-file';
import { descendants } from '../e2e/processes.mjs';
import { drawingArea, startStudio } from '../e2e/studio.mjs';
import { prepareOrExit } from '../scripts/bootstrap/index.mjs';
import { startXvfb } from '../scripts/lib/display.mjs';
import { electronArguments, electronProgram } from '../scripts/lib/electron.mjs';
import { cacheDir, currentServer, modelPath } from '../scripts/lib/language.mjs';
import { root } from '../scripts/lib/paths.mjs';

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '5' },
    only: { type: 'string', default: 'start,pointer,notes,idle,loop' },
    json: { type: 'boolean', default: false },
  },
});
await prepareOrExit('run', { json: values.json });
process.env.SLUICE_E2E_CACHE ??= join(cacheDir, '..');
const withWords = (await currentServer()) !== null && existsSync(modelPath);

const rows = [];
function row(what, value, unit, limit, note = '') {
  rows.push({ what, value, unit, limit, note });
  if (values.json) return;
  const verdict = limit === null || value === null ? '    ' : value <= limit ? 'ok  ' : 'over';
  const shown = value === null ? 'not measured' : `${value.toFixed(unit === 's' ? 2 : 1)} ${unit}`;
  const meant = limit === null ? '' : `, at most ${limit} ${unit}`;
  console.log(`${verdict} ${what.padEnd(62)} ${shown}${meant}${note === '' ? '' : `; ${note}`}`);
}
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
const ascending = (numbers) => [...numbers].sort((a, b) => a - b);

// A window that does nothing: what the runtime, the screen and the machine take by themselves.
function emptyApp(folder) {
  mkdirSync(folder, { recursive: true });
  const page = `<!doctype html><meta charset="utf-8"><body style="margin:0">
    <canvas role="application" aria-label="Drawing area" width="900" height="700"></canvas>
    <script>
      const canvas = document.querySelector('canvas');
      const context = canvas.getContext('2d');
      let last = [0, 0];
      canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
        context.beginPath();
        context.moveTo(...last);
        context.lineTo(...(last = [offsetX, offsetY]));
        context.stroke();
      });
    </script>`;
  const main = `const { app, BrowserWindow } = require('electron');
    app.setPath('userData', require('node:path').join(process.env.XDG_DATA_HOME, 'browser'));
    app.on('window-all-closed', () => app.quit());
    app.whenReady().then(() => {
      const window = new BrowserWindow({ width: 1440, height: 920, show: false });
      window.once('ready-to-show', () => window.show());
      window.loadFile(require('node:path').join(__dirname, 'index.html'));
    });`;
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","main":"main.cjs"}');
  writeFileSync(join(folder, 'main.cjs'), main);
  writeFileSync(join(folder, 'index.html'), page);
  return [...electronArguments().slice(0, -1), folder];
}

// Starts a program as a user does, and watches through its debugging port, which costs it next to nothing. Now and then
// Playwright does not find into a process that is just starting, whatever it runs: such a start is done again, and told.
async function launch(home, display, args, again = true) {
  const began = Date.now();
  const child = spawn(electronProgram(), ['--remote-debugging-port=0', ...args], {
    cwd: root,
    env: {
      ...process.env,
      DISPLAY: display,
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CACHE_HOME: process.env.SLUICE_E2E_CACHE,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const endpoint = await new Promise((resolve, reject) => {
    let said = '';
    child.once('exit', (code) => reject(new Error(`the program ended with status ${code}: ${said}`)));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
      const found = /DevTools listening on (ws:\S+)/.exec(said);
      if (found !== null) resolve(found[1]);
    });
  });
  const browser = await chromium.connectOverCDP(endpoint, { timeout: 10_000 }).catch((error) => {
    if (!again) throw error;
    console.error('Playwright did not find into the process; it is started again');
    return null;
  });
  if (browser === null) {
    child.removeAllListeners('exit').kill('SIGKILL');
    return launch(home, display, args, false);
  }
  const [context] = browser.contexts();
  const page = context.pages()[0] ?? (await context.waitForEvent('page'));
  await page.getByRole('application', { name: 'Drawing area' }).waitFor();
  const close = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await browser.close();
    child.kill('SIGTERM');
    await ended;
  };
  return { page, began, close };
}

async function startOnce(home, display, args) {
  const { page, began, close } = await launch(home, display, args);
  // Two frames later it has been drawn, and the thread is free for a stroke.
  const usable = await page.evaluate(
    () =>
      new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(Date.now())))),
  );
  const painted = await page.evaluate(() => {
    const [entry] = ['first-contentful-paint', 'first-paint'].flatMap((name) =>
      performance.getEntriesByName(name),
    );
    return performance.timeOrigin + entry.startTime;
  });
  await close();
  return { usable: (usable - began) / 1000, painted: (painted - began) / 1000 };
}

function dropFileCache() {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return 'file cache emptied';
  } catch {
    return 'file cache as it was';
  }
}

async function starts(args, folder) {
  const screen = await startXvfb();
  const home = mkdtempSync(folder);
  try {
    const note = dropFileCache();
    const cold = await startOnce(home, screen.display, args);
    const warm = [];
    for (let i = 0; i < Number(values.starts); i++) warm.push(await startOnce(home, screen.display, args));
    const usable = ascending(warm.map((start) => start.usable));
    const painted = quantile(ascending(warm.map((start) => start.painted)), 0.5);
    return { note, cold, usable, painted };
  } finally {
    await screen.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function measureStarts(folder) {
  const empty = await starts(emptyApp(join(folder, 'empty')), join(folder, 'home-'));
  const ours = await starts(electronArguments(), join(folder, 'home-'));
  for (const [who, { note, cold, usable, painted }, [coldest, warmest]] of [
    ['an empty window: ', empty, [null, null]],
    ['', ours, [2.5, 1.5]],
  ]) {
    const first = `first paint ${cold.painted.toFixed(2)} s, ${note}`;
    row(`${who}cold start to usable`, cold.usable, 's', coldest, first);
    const told = `of ${usable.length}, slowest ${usable.at(-1).toFixed(2)} s, first paint ${painted.toFixed(2)} s`;
    row(`${who}warm start to usable, median`, quantile(usable, 0.5), 's', warmest, told);
  }
}

// A stroke of a mouse that tells where it is 125 times a second, whatever the frames do; times of every point in ms, from
// when the system saw it: to the beginning of the frame that shows it, and to the end of that frame's drawing.
async function pointerTimes(page) {
  const { x, y, width, height } = await drawingArea(page);
  await page.evaluate(() => {
    window.points = [];
    document.querySelector('[role=application][aria-label="Drawing area"]').addEventListener(
      'pointermove',
      (event) => {
        requestAnimationFrame((began) => {
          // After this frame's drawing is done, the first task that comes.
          const channel = new MessageChannel();
          channel.port1.onmessage = () => {
            const drawn = performance.now();
            for (const { timeStamp } of event.getCoalescedEvents())
              window.points.push({ waited: began - timeStamp, drawn: drawn - timeStamp });
          };
          channel.port2.postMessage(null);
        });
      },
    );
  });
  await page.mouse.move(x, y);
  await page.mouse.down();
  const devtools = await page.context().newCDPSession(page);
  const sent = [];
  const began = performance.now();
  for (let i = 0; i < 3000; i++) {
    const turn = i / 40;
    const reach = Math.min(width, height) * (0.1 + (0.3 * i) / 3000);
    const at = { x: x + reach * Math.cos(turn), y: y + reach * Math.sin(turn) };
    sent.push(devtools.send('Input.dispatchMouseEvent', { type: 'mouseMoved', button: 'left', buttons: 1, ...at }));
    await sleep(Math.max(0, began + 8 * (i + 1) - performance.now()));
  }
  await Promise.all(sent);
  await page.mouse.up();
  await devtools.detach();
  return page.evaluate(() => window.points);
}

const FRAME = 1000 / 60;

async function measurePointer({ page }, folder) {
  const screen = await startXvfb();
  const empty = await launch(mkdtempSync(join(folder, 'home-')), screen.display, emptyApp(join(folder, 'empty')));
  const floor = await pointerTimes(empty.page);
  await empty.close();
  await screen.close();
  const ours = await pointerTimes(page);
  for (const [who, points, [most, share]] of [
    ['an empty window: ', floor, [null, null]],
    ['', ours, [16.7, 1]],
  ]) {
    const drawn = ascending(points.map((point) => point.drawn));
    const told = `${points.length} points of one stroke, median ${quantile(drawn, 0.5).toFixed(1)} ms`;
    row(`${who}pointer to drawn, 95th percentile`, quantile(drawn, 0.95), 'ms', most, told);
    // A frame's beginning is told to the millisecond's part only.
    const later = points.filter(({ waited }) => waited > FRAME + 0.5).length;
    row(`${who}points that the first frame after them does not show`, (100 * later) / points.length, '%', share);
  }
}

async function measureNotes({ page }) {
  const notes = Array.from({ length: 10_000 }, (_, i) => [
    { deltaTime: 60, type: 'noteOn', channel: 0, noteNumber: 36 + ((i * 7) % 60), velocity: 1 + (i % 127) },
    { deltaTime: 60, type: 'noteOff', channel: 0, noteNumber: 36 + ((i * 7) % 60), velocity: 0 },
  ]).flat();
  const track = [...notes, { deltaTime: 0, meta: true, type: 'endOfTrack' }];
  const bytes = midi.writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] });
  await page.getByRole('button', { name: 'Piano roll', exact: true }).click();
  await page.getByRole('application', { name: 'Notes' }).waitFor();
  await page.getByRole('application', { name: 'Notes' }).focus();
  const chooser = page.waitForEvent('filechooser');
  await page.keyboard.press('Control+Shift+O');
  await (await chooser).setFiles({ name: 'many.mid', mimeType: 'audio/midi', buffer: Buffer.from(bytes) });
  await page.getByRole('button', { name: 'Undo: Open many.mid' }).waitFor();
  await sleep(1500);
  const frames = await page.evaluate(async () => {
    const area = document.querySelector('.roll-stage');
    const { left, top, width, height } = area.getBoundingClientRect();
    const middle = { clientX: left + width / 2, clientY: top + height / 2 };
    const took = [];
    const frame = () =>
      new Promise((done) =>
        requestAnimationFrame((began) => done({ began, work: performance.now() - began })),
      );
    let last = (await frame()).began;
    for (let i = 0; i < 400; i++) {
      const zooms = i % 3 === 0;
      area.dispatchEvent(
        new WheelEvent('wheel', {
          ...{ bubbles: true, cancelable: true, ctrlKey: zooms, ...middle },
          deltaY: zooms ? (i % 200 < 100 ? 60 : -60) : i % 2 ? 40 : -40,
          deltaX: zooms ? 0 : 300,
        }),
      );
      const { began, work } = await frame();
      took.push({ whole: began - last, work });
      last = began;
    }
    return took;
  });
  const whole = ascending(frames.map((frame) => frame.whole));
  const work = ascending(frames.map((frame) => frame.work));
  row(
    '10,000 notes, scroll and zoom: longest frame',
    whole.at(-1),
    'ms',
    32,
    `${whole.filter((time) => time > 32).length} of ${whole.length} over 32 ms, median ${quantile(whole, 0.5).toFixed(1)} ms; ` +
      `our work in a frame at most ${work.at(-1).toFixed(1)} ms`,
  );
  await page.keyboard.press('Control+Z');
}

const processorSeconds = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100; // clock ticks, a hundred a second
  } catch {
    return 0;
  }
};

async function measureIdle(app) {
  const seconds = 20;
  await sleep(30_000); // what was played or painted last has come to rest, and memory has been tidied up
  const main = app.process().pid;
  const all = () =>
    [main, ...descendants(main).map(({ pid }) => pid)].reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const before = all();
  await sleep(seconds * 1000);
  row('idle, all processes, of one core', (100 * (all() - before)) / seconds, '%', 1, `over ${seconds} s`);
}

async function measureLoop({ app, page }) {
  // How late a timer of 2 ms comes, and for how much of that the thread itself was working: other processes can make
  // it late, only a task of our own can make it work.
  await app.evaluate(() => {
    const { readFileSync: read } = process.getBuiltinModule('node:fs');
    const own = `/proc/self/task/${process.pid}/schedstat`;
    const worked = () => Number(read(own, 'utf8').split(' ')[0]) / 1e6;
    const state = { late: [], busy: [], last: performance.now(), worked: worked() };
    state.timer = setInterval(() => {
      const now = performance.now();
      const until = worked();
      state.late.push(Math.max(0, now - state.last - 2));
      state.busy.push(until - state.worked);
      state.last = now;
      state.worked = until;
    }, 2);
    globalThis.loopDelay = state;
  });
  await page.getByLabel('Prompt', { exact: true }).fill('a lighthouse');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByRole('menuitem', { name: 'Help' }).click();
  await page.getByRole('menuitem', { name: 'Play the example' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.getByRole('button', { name: 'Composer' }).click();
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Control+Enter');
  if (withWords) {
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill('Tell me a long story about a lighthouse.');
    await field.press('Enter');
  }
  const seconds = 20;
  await sleep(seconds * 1000);
  const measured = await app.evaluate(() => {
    clearInterval(globalThis.loopDelay.timer);
    const { late: lateness, busy } = globalThis.loopDelay;
    return { late: lateness, busy };
  });
  const late = ascending(measured.late);
  const busy = ascending(measured.busy);
  const doing = `painting, composing${withWords ? ' and chatting' : ' (no language model set up)'}`;
  row(
    `main process's event loop, ${doing}: p99`,
    quantile(late, 0.99),
    'ms',
    null,
    `over ${seconds} s, median ${quantile(late, 0.5).toFixed(2)} ms`,
  );
  const longest = busy.slice(-3).map((time) => time.toFixed(0));
  row(
    'longest time that it worked without a turn of the loop',
    busy.at(-1),
    'ms',
    16,
    `the three longest ${longest.join(', ')} ms; its longest delay, other processes included, ${late.at(-1).toFixed(0)} ms`,
  );
  await page.keyboard.press('Control+Shift+X');
}

const only = new Set(values.only.split(','));
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
try {
  if (only.delete('start')) await measureStarts(folder);
  if (only.size > 0) {
    const studio = await startStudio();
    try {
      if (only.has('pointer')) await measurePointer(studio, folder);
      if (only.has('notes')) await measureNotes(studio);
      if (only.has('idle')) await measureIdle(studio.app);
      if (only.has('loop')) await measureLoop(studio);
    } finally {
      await studio.close();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
if (values.json) console.log(JSON.stringify(rows));
