// Every occurrence of every call that can fail, one at a time, in every place of a host's life (opening a device, its
// first job, later ones, jobs of a warm context): too long for a suite, which has each call site's first and last.
//   node scripts/fail-everything.mjs [--sanitizers] [--program PATH] [--parts N] [--side-by-side N] [--fresh]
// --sanitizers: under the address, leak and undefined-behaviour ones. --program: another build of the C++ tests.
// The work is done in parts, each a process. Those that ended well are remembered in the cache folder for as long as
// the program is the same, so a run that was stopped goes on where it was; --fresh begins anew. The status is 1 where
// a part failed or its process died, and these are run again by the next call.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDir } from './lib/language.mjs';
import { buildPlainTests } from './lib/plain-tests.mjs';
import { sideBySide } from './lib/pool.mjs';
import { capture } from './lib/process.mjs';
import { buildSanitized, sanitized } from './lib/sanitized.mjs';

const { values } = parseArgs({
  options: {
    sanitizers: { type: 'boolean', default: false },
    program: { type: 'string' },
    parts: { type: 'string', default: '192' },
    'side-by-side': { type: 'string', default: String(Math.min(2, cpus().length)) },
    fresh: { type: 'boolean', default: false },
  },
});
const [parts, atOnce] = [Number(values.parts), Number(values['side-by-side'])];
if (!(Number.isInteger(parts) && parts > 0 && Number.isInteger(atOnce) && atOnce > 0))
  throw new Error('--parts and --side-by-side are whole numbers above 0');
if (values.sanitizers) await buildSanitized();
const program = values.program ?? (values.sanitizers ? sanitized.program : await buildPlainTests());
if (!existsSync(program)) throw new Error(`there is no ${program}`);
const key = createHash('sha256').update(readFileSync(program)).digest('hex').slice(0, 16);
const folder = join(cacheDir, 'fail-everything', `${key}-${parts}`);
if (values.fresh) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const seconds = 4 * 3600; // a process that hangs is ended and counted as dead; one with no priority may take hours
const counts = /(\d+) call sites: (\d+) failures became errors, (\d+) had no consequence/;
const resultFile = (part) => join(folder, `${part}.json`);
const logFile = (part) => join(folder, `${part}.log`);

function known(part) {
  try {
    return JSON.parse(readFileSync(resultFile(part), 'utf8'));
  } catch {
    return null; // never run, or stopped in the middle
  }
}

// What became of a part: `dead` where its process did not come to doctest's closing lines.
async function runPart(part) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-fail-')); // a process that dies leaves its caches behind
  const own = { TMPDIR: place, SLUICE_FAIL_EVERY: `${part}/${parts}` };
  const args = ['--no-colors=true', '--test-case=failures: every*'];
  const env = { ...(values.sanitizers ? sanitized.env : {}), ...own };
  const ended = await capture(program, args, { env, timeoutSeconds: seconds });
  rmSync(place, { recursive: true, force: true });
  const found = counts.exec(ended.stdout);
  const dead = found === null || ended.signal !== null;
  const result = { part, well: !dead && ended.code === 0, dead, ended: ended.signal ?? ended.code };
  if (found) Object.assign(result, { sites: +found[1], errors: +found[2], none: +found[3] });
  result.seconds = Math.round(ended.seconds);
  writeFileSync(logFile(part), ended.stdout + ended.stderr);
  writeFileSync(`${resultFile(part)}.new`, JSON.stringify(result));
  renameSync(`${resultFile(part)}.new`, resultFile(part));
  return result;
}

// The failure under way when the process died is the last that it named.
const lastNamed = (part) =>
  readFileSync(logFile(part), 'utf8')
    .split('\n')
    .findLast((line) => / pass \d+$/.test(line)) ?? 'before the first failure';

const done = new Map();
for (let part = 0; part < parts; part++) if (known(part)?.well) done.set(part, known(part));
console.log(`${done.size} of ${parts} parts are done; results and logs in ${folder}`);
const waiting = Array.from({ length: parts }, (_, part) => part).filter((part) => !done.has(part));
await sideBySide(
  waiting,
  async (part) => {
    const result = await runPart(part);
    done.set(part, result);
    const how = result.well ? 'ok' : result.dead ? `dead (${result.ended}): ${lastNamed(part)}` : 'FAILED';
    console.log(`part ${part}/${parts}: ${how}, ${result.seconds} s, ${done.size} of ${parts} done`);
  },
  atOnce,
);

const results = [...done.values()];
const sum = (name) => results.reduce((all, result) => all + (result[name] ?? 0), 0);
const failed = results.filter((result) => !result.well && !result.dead);
const dead = results.filter((result) => result.dead);
for (const { part } of failed) console.log(`part ${part} failed: ${logFile(part)}`);
for (const { part } of dead) console.log(`part ${part} died: ${lastNamed(part)}, ${logFile(part)}`);
const sites = Math.max(0, ...results.map((result) => result.sites ?? 0));
console.log(
  `${sites} call sites: ${sum('errors')} failures became errors, ${sum('none')} had no consequence, ` +
    `${dead.length} processes died, ${failed.length} parts failed`,
);
process.exitCode = failed.length + dead.length > 0 ? 1 : 0;
