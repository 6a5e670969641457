// Set-up: installs and builds what is missing, then lets the caller go on. One file a step in steps/, run in the
// order of their names. Does not decide what is built how (the steps do), and needs no package itself.
//
// A step exports `name`, `purposes` ("run": what the command line needs, "window": what the studio needs besides,
// "ask": what a language model needs besides, "test": what the tests need besides all), `check`, which quickly returns
// null or a reason why the step has to run, and `apply`, which does it or throws. One that waits for the network, and
// that no later step needs, also exports `beside = true`: the next ones begin while it runs.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildDir, root } from '../lib/paths.mjs';

const stepsDir = join(root, 'scripts', 'bootstrap', 'steps');
const lockFile = join(buildDir, 'bootstrap.lock');

// What a person can mend (missing packages on a machine that we may not change): shown without a stack.
export class SetupError extends Error {
  constructor(message, hint = '') {
    super(message);
    this.hint = hint;
  }
}

export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

async function loadSteps(purpose) {
  const names = readdirSync(stepsDir)
    .filter((name) => name.endsWith('.mjs'))
    .sort();
  const steps = await Promise.all(names.map((name) => import(pathToFileURL(join(stepsDir, name)).href)));
  return steps.filter(
    ({ purposes }) => purpose === 'test' || purposes.includes('run') || purposes.includes(purpose),
  );
}

// A step that does nothing more for the window or a language model than for the command line need not know of it.
const purposeFor = (step, purpose) =>
  purpose === 'test' || step.purposes.includes(purpose) ? purpose : 'run';

function holderIsAlive() {
  try {
    process.kill(Number(readFileSync(lockFile, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// Two commands started at once must not build into the same folder: the second waits for the first.
async function lock() {
  mkdirSync(buildDir, { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!holderIsAlive()) {
      rmSync(lockFile, { force: true });
      continue;
    }
    if (!waited) say('another command is setting up; waiting for it');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function carryOut(step, purpose, reason) {
  const started = performance.now();
  say(`${step.name}: ${reason}`);
  await step.apply(purpose);
  say(`${step.name}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

// `purpose` is "run", "window", "ask" or "test". Returns the number of steps that had to be done; throws SetupError.
export async function prepare(purpose) {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    throw new SetupError(
      `Node ${process.versions.node} is too old: 20 or newer is needed`,
      'See nodejs.org.',
    );
  }
  const steps = await loadSteps(purpose);
  if (steps.every((step) => step.check(purposeFor(step, purpose)) === null)) return 0;

  await lock();
  const works = [];
  try {
    for (const step of steps) {
      const wanted = purposeFor(step, purpose);
      const reason = step.check(wanted);
      if (reason === null) continue;
      const work = carryOut(step, wanted, reason);
      works.push(work);
      work.catch(() => {}); // one beside the others is told of at the end
      if (!step.beside) await work;
    }
    await Promise.all(works);
  } finally {
    await Promise.allSettled(works); // a step that failed leaves those beside it to end
    rmSync(lockFile, { force: true });
  }
  return works.length;
}

// For programs: sets up, and on failure says why and ends the process with status 1.
export async function prepareOrExit(purpose, { json = false } = {}) {
  try {
    return await prepare(purpose);
  } catch (error) {
    const hint = error instanceof SetupError ? error.hint : '';
    process.stderr.write(`set-up failed: ${error.message}\n${hint ? `${hint}\n` : ''}`);
    if (json) {
      const event = { event: 'error', code: 'setup-failed', message: error.message, hint };
      process.stdout.write(`${JSON.stringify(event)}\n`);
    }
    process.exit(1);
  }
}
