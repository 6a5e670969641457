// Every occurrence of every call that can fail, one at a time, in a whole painting job: hours on a CPU device, so it is
// no suite. CI has each call site's first and last.
//   node scripts/fail-everything.mjs
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { nativeBuildDir } from './lib/paths.mjs';

const { status } = spawnSync(
  join(nativeBuildDir, 'engine', 'sluice_tests'),
  ['--test-case=failures: every*'],
  {
    stdio: 'inherit',
    env: { ...process.env, SLUICE_FAIL_EVERY: '1' },
  },
);
process.exitCode = status ?? 1;
