// Prettier over TypeScript, JavaScript, JSON and Markdown; `npm run format` mends what this finds.
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';

export const title = 'Prettier';

export async function problems() {
  const prettier = join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
  const result = await capture(process.execPath, [prettier, '--list-different', '.'], { cwd: root });
  const files = result.stdout.split('\n').filter(Boolean);
  if (result.code !== 0 && files.length === 0) return [result.stderr];
  return files.map((file) => `${file} is not formatted: run npm run format`);
}
