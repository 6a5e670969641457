// The TypeScript parts, bundled into out/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { contentKey, stampMatches, writeStamp } from '../../lib/hash.mjs';
import { cliProgram, root } from '../../lib/paths.mjs';
import { run } from '../../lib/process.mjs';

export const name = 'TypeScript build';
export const purposes = ['run', 'test'];

const key = () =>
  contentKey(['src-main', 'src-preload', 'src-renderer', 'electron.vite.config.ts', 'package-lock.json'], {
    skip: (path) => path.endsWith('.test.ts'),
  });

export function check() {
  if (!existsSync(cliProgram)) return 'not built yet';
  return stampMatches('typescript', key()) ? null : 'sources have changed';
}

export async function apply() {
  const wanted = key();
  const electronVite = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
  await run(process.execPath, [electronVite, 'build', '--logLevel', 'warn'], { cwd: root });
  writeStamp('typescript', wanted);
}
