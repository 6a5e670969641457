// Every occurrence of every call that can fail, one at a time, in a whole painting job: too long for a suite, which has
// each call site's first and last.
//   node scripts/fail-everything.mjs [--part K/N] [--sanitizers]
// --part 0/4 … 3/4: a quarter each, in as many runs. --sanitizers: under the address, leak and undefined-behaviour ones.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeBuildDir } from './lib/paths.mjs';
import { buildSanitized, sanitized } from './lib/sanitized.mjs';

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: '0/1' },
    sanitizers: { type: 'boolean', default: false },
  },
});
if (values.sanitizers) await buildSanitized();
const program = values.sanitizers ? sanitized.program : join(nativeBuildDir, 'engine', 'sluice_tests');
const env = values.sanitizers ? sanitized.env : {};
const { status } = spawnSync(program, ['--test-case=failures: every*'], {
  stdio: 'inherit',
  env: { ...process.env, ...env, SLUICE_FAIL_EVERY: values.part },
});
process.exitCode = status ?? 1;
