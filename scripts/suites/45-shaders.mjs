// The committed SPIR-V is what the shaders' sources compile to, and is valid.
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';

export const name = 'shaders';

export async function run(check) {
  const script = join(root, 'scripts', 'shaders', 'build.mjs');
  const result = await capture(process.execPath, [script, '--check'], { cwd: root });
  check('the committed SPIR-V equals its sources', result.code === 0, result.stdout + result.stderr);
}
