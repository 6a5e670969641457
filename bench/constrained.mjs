// Many constrained generations against the real server: every finished answer must hold to its grammar, every one that
// was cut off must be said to be.
//   node bench/constrained.mjs [--count 500] [--slots 2] [--threads 1]
// Exits with 1 when one does not, and prints it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { constrained } from '../scripts/lib/constrained.mjs';
import { modelPath } from '../scripts/lib/language.mjs';
import { loadLanguage } from '../scripts/lib/language-service.mjs';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    slots: { type: 'string', default: '2' },
    threads: { type: 'string', default: '1' },
  },
});
const [count, slots, threads] = [values.count, values.slots, values.threads].map(Number);
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const log = join(folder, 'server.log');
const { service, library, grammarText } = await loadLanguage({ log, slots, threads, contextTokens: 8192 });
const began = performance.now();
let done = 0;
try {
  const onAnswer = () => {
    if (++done % 25 === 0) console.error(`${done} of ${count}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  };
  const results = await constrained({ service, library: library(), grammarText, model: modelPath, count, slots, onAnswer });
  let failed = 0;
  for (const [name, { valid, truncated, tokens, failures }] of Object.entries(results)) {
    console.log(
      `${name.padEnd(16)} ${valid} valid, ${truncated} cut off, ${failures.length} wrong, ${tokens} tokens`,
    );
    for (const failure of failures) console.log(JSON.stringify(failure));
    failed += failures.length;
  }
  console.log(`${count} generations in ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} wrong`);
  process.exitCode = failed > 0 ? 1 : 0;
} finally {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
}
