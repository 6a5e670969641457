import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';

export const name = 'types';

export async function run(check) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = await capture(process.execPath, [tsc, '--noEmit', '--pretty', 'false'], { cwd: root });
  check('TypeScript finds no error', result.code === 0, result.stdout);
}
