// kill -9 at random moments: of the studio while it is drawn, written, painted, saved and asked in, of its painting
// process, and of the language model's server. Afterwards it must offer everything up to the last second, the project
// file must be whole, no process may be left behind, and the next job and question must work. Too long for a suite.
//   node scripts/kill-studio.mjs [--kills 200] [--seed 1]
// Ends with a line a kind and status 1 if anything was lost. Kills of the server need the language model set up.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { strFromU8, unzipSync } from 'fflate';
import { drawingArea, drawStroke, paintSmall, startStudio } from '../e2e/studio.mjs';
import { descendants, isAlive, languageServer, paintingProcess } from '../e2e/processes.mjs';
import { prepareOrExit } from './bootstrap/index.mjs';
import { cacheDir, currentServer, modelPath } from './lib/language.mjs';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);
await prepareOrExit('run');
const withWords = (await currentServer()) !== null && existsSync(modelPath);
process.env.SLUICE_E2E_CACHE ??= join(cacheDir, '..');

let state = Number(values.seed) >>> 0;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const home = mkdtempSync(join(tmpdir(), 'sluice-kill-'));
const project = join(home, 'killed.sluice');
const KEPT_WITHIN_MS = 1000;
const done = []; // { kind: 'stroke' | 'note' | 'prompt' | 'save', at, text? }, by time
const problems = [];
const tally = new Map();

const strokesIn = (document) => document.canvas.layers.flatMap(({ items }) => items).length;
const notesIn = (document) => document.music.tracks.flatMap(({ notes }) => notes).length;
const kept = () =>
  JSON.parse(readFileSync(join(home, 'data', 'sluice', 'studio', 'work', 'document.json'), 'utf8'));
const count = (kind, until) => done.filter((edit) => edit.kind === kind && edit.at <= until).length;
const promptField = (page) => page.getByLabel('Prompt', { exact: true });

async function edit(page, attempted) {
  const kind = ['stroke', 'stroke', 'note', 'note', 'prompt', 'save', 'paint'][Math.floor(random() * 7)];
  attempted.push(kind);
  let text;
  if (kind === 'stroke') {
    const { x, y } = await drawingArea(page);
    const at = () => (random() - 0.5) * 120;
    const from = [x + at(), y + at()];
    // Bars float over the drawing: what begins on one of them is no stroke.
    const free = await page.evaluate(
      ([left, top]) => document.elementFromPoint(left, top)?.closest('.canvas-stage') != null,
      from,
    );
    if (!free) return;
    await drawStroke(page, [from, [x + at(), y + at()]]);
  } else if (kind === 'note') {
    await page.getByRole('application', { name: 'Notes' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowUp');
  } else if (kind === 'prompt') {
    text = `picture ${done.length}`;
    attempted.text = text;
    await promptField(page).fill(text);
  } else if (kind === 'save') {
    await page.keyboard.press('Control+S');
  } else {
    // Queued behind the one that runs, if there is one; not more than that.
    if ((await page.getByRole('button', { name: 'Cancel' }).count()) < 2)
      await page.keyboard.press('Control+Enter');
  }
  done.push({ kind, at: Date.now(), text });
}

function checkProject(where) {
  if (!existsSync(project)) return;
  try {
    const files = unzipSync(new Uint8Array(readFileSync(project)));
    const { document } = JSON.parse(strFromU8(files['sluice.json']));
    strokesIn(document);
    for (const [name, content] of Object.entries(files)) {
      const id = /^assets\/([0-9a-f]{64})\.png$/.exec(name)?.[1];
      if (id !== undefined && createHash('sha256').update(content).digest('hex') !== id)
        throw new Error(`${name} is damaged`);
    }
  } catch (error) {
    problems.push(`${where}: the project file is damaged: ${error.message}`);
  }
}

async function open() {
  const studio = await startStudio({ home });
  await studio.app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, project);
  const { page } = studio;
  page.setDefaultTimeout(180_000); // what it looks for is loss, on whatever machine; an answer may take its time
  const roll = page.getByRole('button', { name: 'Piano roll', exact: true });
  if ((await roll.getAttribute('aria-pressed')) !== 'true') await roll.click();
  await page.getByRole('application', { name: 'Notes' }).waitFor();
  return studio;
}

// What is there must be what was done until a second before, and no more than what was begun.
async function checkKept(where, page, killed, attempted) {
  const document = kept();
  for (const [kind, found] of [
    ['stroke', strokesIn(document)],
    ['note', notesIn(document)],
  ]) {
    const least = count(kind, killed - KEPT_WITHIN_MS);
    const most = count(kind, Infinity) + attempted.filter((one) => one === kind).length;
    if (found < least || found > most)
      problems.push(
        `${where}: ${found} of ${kind} are there, expected ${least} to ${most}; the last were made ` +
          `${done
            .filter((edit) => edit.kind === kind)
            .slice(-3)
            .map(({ at }) => `${((killed - at) / 1000).toFixed(2)} s`)
            .join(', ')} before`,
      );
    // What was lost within the second is not expected later.
    let surplus = count(kind, Infinity) - found;
    for (let i = done.length - 1; i >= 0 && surplus > 0; i--) {
      if (done[i].kind !== kind) continue;
      done.splice(i, 1);
      surplus--;
    }
    for (; surplus < 0; surplus++) done.push({ kind, at: 0 });
  }
  const before = done
    .filter(({ kind, at }) => kind === 'prompt' && at <= killed - KEPT_WITHIN_MS)
    .at(-1)?.text;
  const later = done.filter(({ kind, at }) => kind === 'prompt' && at > killed - KEPT_WITHIN_MS);
  const found = await promptField(page).inputValue();
  const allowed = [before ?? '', ...later.map(({ text }) => text), attempted.text];
  if (!allowed.includes(found))
    problems.push(`${where}: the prompt is “${found}”, expected one of ${allowed.join(', ')}`);
  done.push({ kind: 'prompt', at: 0, text: found });
}

async function killStudio(where, studio) {
  const { page, app } = studio;
  const mainPid = app.process().pid;
  const attempted = [];
  let over = false;
  const editing = (async () => {
    while (!over) {
      attempted.length = 0;
      attempted.text = undefined;
      await edit(page, attempted).catch((error) => {
        if (!over) throw error;
      });
    }
  })();
  await Promise.race([sleep(300 + random() * 6000), editing]);
  const processes = descendants(mainPid);
  const killed = Date.now();
  over = true;
  await studio.kill();
  await editing.catch(() => undefined);
  for (let i = 0; i < 50 && processes.some(({ pid }) => isAlive(pid)); i++) await sleep(100);
  for (const { pid, command } of processes.filter(({ pid }) => isAlive(pid)))
    problems.push(`${where}: left behind: ${pid} ${command.slice(0, 80)}`);
  checkProject(where);
  const next = await open();
  await checkKept(where, next.page, killed, attempted);
  return next;
}

async function killPainting(where, studio) {
  const { page, app } = studio;
  const before = JSON.stringify(kept().canvas.layers);
  const queue = page.getByRole('region', { name: 'Queue' });
  const cancel = page.getByRole('button', { name: 'Cancel' });
  while ((await cancel.count()) > 0) await sleep(200);
  await page.getByRole('button', { name: 'Generate' }).click();
  await cancel.first().waitFor();
  await sleep(random() * 3000);
  const pid = paintingProcess(app.process().pid);
  if (pid === null) return studio; // it had not started yet, or had ended
  process.kill(pid, 'SIGKILL');
  while ((await cancel.count()) > 0) await sleep(100);
  const job = await queue.locator('.job').first().innerText();
  if (!/The painting process ended|seed \d/.test(job)) problems.push(`${where}: the job says “${job}”`);
  await page.getByRole('button', { name: 'Generate' }).click();
  await cancel.first().waitFor();
  while ((await cancel.count()) > 0) await sleep(200);
  const next = await queue.locator('.job').first().innerText();
  if (!/seed \d/.test(next)) problems.push(`${where}: the job after says “${next}”`);
  if (JSON.stringify(kept().canvas.layers) !== before) problems.push(`${where}: the canvas was touched`);
  return studio;
}

async function killServer(where, studio) {
  const { page, app } = studio;
  const before = JSON.stringify(kept().canvas.layers);
  const ask = async (text) => {
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill(text);
    await field.press('Enter');
    await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  };
  const over = () => page.getByRole('button', { name: 'Stop', exact: true }).waitFor({ state: 'detached' });
  await page.keyboard.press('Control+Shift+O');
  await ask('Tell me a long story about a lighthouse.');
  let pid = null;
  for (let i = 0; i < 300 && pid === null; i++) {
    await sleep(100);
    pid = languageServer(app.process().pid);
  }
  if (pid === null) problems.push(`${where}: there is no server to be killed`);
  await sleep(random() * 4000);
  if (pid !== null) process.kill(pid, 'SIGKILL');
  await over();
  await ask('Is the sea salty?');
  await over();
  const answer = await page.locator('.message-answer').last().innerText();
  if (answer.trim() === '' || (await page.locator('.message:last-child .message-failure').count()) > 0)
    problems.push(`${where}: the question after was answered with “${answer}”`);
  if (JSON.stringify(kept().canvas.layers) !== before) problems.push(`${where}: the canvas was touched`);
  return studio;
}

const kinds = [
  ['the studio', killStudio],
  ['its painting process', killPainting],
  ...(withWords ? [['the language server', killServer]] : []),
];
let studio = await open();
try {
  await paintSmall(studio.page);
  await promptField(studio.page).fill('a first picture');
  done.push({ kind: 'prompt', at: Date.now(), text: 'a first picture' });
  await sleep(1500);
  for (let i = 0; i < kills; i++) {
    const [name, kill] = kinds[i % 10 >= 8 ? (i % 10) - 7 : 0] ?? kinds[0];
    const where = `kill ${i + 1} (${name})`;
    const known = problems.length;
    studio = await kill(where, studio);
    tally.set(name, [(tally.get(name)?.[0] ?? 0) + 1, (tally.get(name)?.[1] ?? 0) + problems.length - known]);
    console.log(`${problems.length > known ? 'LOST' : 'ok  '} ${where}, ${done.length} edits so far`);
    for (const problem of problems.slice(known)) console.log(`     ${problem}`);
  }
} finally {
  await studio.close({ keepHome: true }).catch(() => undefined);
}
for (const [name, [tried, lost]] of tally) console.log(`${tried} kills of ${name}, ${lost} problems`);
if (!withWords) console.log('The language model is not set up: its server was not killed.');
if (problems.length === 0) rmSync(home, { recursive: true, force: true });
else console.log(`${problems.length} problems; what was there lies in ${home}`);
process.exitCode = problems.length > 0 ? 1 : 0;
