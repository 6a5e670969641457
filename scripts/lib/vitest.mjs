// Running vitest in a suite, and reading its closing counts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDir, root } from './paths.mjs';
import { capture } from './process.mjs';

const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');

// Counts every test in `check`. `report`: names the report's file; `where`: what the counts are said to be of.
export async function runVitest(check, { report, where, args = [], env = {}, timeoutSeconds }) {
  const file = join(buildDir, `${report}-report.json`);
  const result = await capture(
    process.execPath,
    [program, 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    {
      cwd: root,
      env: { NO_COLOR: '1', ...env },
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    },
  );
  if (result.code !== 0) console.log(result.stdout + result.stderr);
  const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync(file, 'utf8'));
  check.count(numPassedTests, numFailedTests);
  check.note(`${numPassedTests} passed, ${numFailedTests} failed ${where}`);
  if (numFailedTests === 0 && (!success || result.code !== 0))
    check('vitest ended well', false, result.stderr);
}

// The tests that talk to a llama-server. `kind`: '1', or 'plain' for those of a server without llguidance.
export const runRealServerTests = (check, kind, options) =>
  runVitest(check, {
    ...options,
    // One file after the other: two servers at once would share two processors.
    args: ['--no-file-parallelism', '--testTimeout=180000'],
    env: { ...options.env, SLUICE_REAL_SERVER: kind },
    timeoutSeconds: 1200,
  });
