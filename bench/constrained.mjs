// Many constrained generations against the real server: every finished answer must hold to its grammar, every one that
// was cut off must be said to be.
//   node bench/constrained.mjs [--count 500] [--parallel 6] [--threads 1] [--minutes N] [--state FILE]
// What is done is kept in the state file, line by line, and not asked again; a run that was ended (by --minutes, Ctrl-C
// or worse) goes on from there. Prints tables in Markdown. Exits with 1 when an answer is wrong, and prints it; with 75
// when there is more to do.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { countBy, generateAll, taskOf } from '../scripts/lib/constrained.mjs';
import { cacheDir, currentServer, model, modelPath } from '../scripts/lib/language.mjs';
import { loadLanguage } from '../scripts/lib/language-service.mjs';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    parallel: { type: 'string', default: '6' },
    threads: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '0' },
    state: { type: 'string' },
  },
});
const [count, parallel, threads, minutes] = [values.count, values.parallel, values.threads, values.minutes].map(Number);

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const { service, library, grammarText, readAnswer } = await loadLanguage({
  log: join(folder, 'server.log'),
  slots: parallel,
  threads,
  contextTokens: 8192,
});

// Other grammars, another model or server: other answers.
const grammars = library();
const key = createHash('sha256')
  .update(JSON.stringify([grammars, grammars.map(grammarText), model.sha256, currentServer()?.path]))
  .digest('hex')
  .slice(0, 12);
const state = values.state ?? join(cacheDir, 'bench', `constrained-${key}.jsonl`);
mkdirSync(dirname(state), { recursive: true });

function readState() {
  if (!existsSync(state)) return [];
  const records = new Map();
  for (const line of readFileSync(state, 'utf8').split('\n')) {
    try {
      const record = JSON.parse(line);
      records.set(record.index, record);
    } catch {
      // a line that was not written whole
    }
  }
  return [...records.values()].filter(({ index }) => index < count).sort((a, b) => a.index - b.index);
}

function table(title, counts) {
  console.log(`| ${title} | asked | valid | cut off, and said to be | wrong | tokens |\n|---|---|---|---|---|---|`);
  for (const [name, { asked, valid, cut, wrong, tokens }] of counts)
    console.log(`| ${name} | ${asked} | ${valid} | ${cut} | ${wrong} | ${tokens} |`);
  console.log('');
}

const before = readState();
const done = new Set(before.map(({ index }) => index));
const tasks = Array.from({ length: count }, (_, index) => taskOf(index, grammars)).filter(({ index }) => !done.has(index));
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stop.abort());
if (minutes > 0) setTimeout(() => stop.abort(), minutes * 60_000).unref();

const began = performance.now();
const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
let made = 0;
try {
  await generateAll(tasks, {
    service,
    library: grammars,
    grammarText,
    readAnswer,
    model: modelPath,
    parallel,
    signal: stop.signal,
    onRecord: (record) => {
      appendFileSync(state, `${JSON.stringify(record)}\n`);
      if (++made % 10 === 0) console.error(`${before.length + made} of ${count}, ${seconds()} s`);
    },
  });
} finally {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
}

const records = readState();
table('grammar', countBy(records, 'grammar'));
table('temperature', [...countBy(records, 'temperature')].sort(([a], [b]) => a - b));
table('limit, tokens', [...countBy(records, 'maxTokens')].sort(([a], [b]) => a - b));
const wrong = records.filter(({ outcome }) => outcome === 'wrong');
for (const record of wrong) console.log(JSON.stringify(record));
const finished = records.filter(({ outcome }) => outcome === 'valid').length;
console.log(
  `${records.length} of ${count} generations (${made} now, in ${seconds()} s): ${finished} finished, ${wrong.length} wrong; kept in ${state}`,
);
process.exitCode = wrong.length > 0 ? 1 : records.length < count ? 75 : 0;
