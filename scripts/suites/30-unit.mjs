import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDir, root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';

export const name = 'unit';

export async function run(check) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const report = join(buildDir, 'unit-report.json');
  const result = await capture(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { cwd: root, env: { NO_COLOR: '1' } },
  );
  if (result.code !== 0) console.log(result.stdout + result.stderr);
  const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync(report, 'utf8'));
  check.count(numPassedTests, numFailedTests);
  check.note(`${numPassedTests} passed, ${numFailedTests} failed in vitest`);
  if (numFailedTests === 0 && (!success || result.code !== 0)) {
    check('vitest ended well', false, result.stderr);
  }
}
