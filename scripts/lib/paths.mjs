// Where things lie in the tree. Plain Node without dependencies: set-up runs before any package is installed.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const buildDir = join(root, 'build');
export const nativeBuildDir = join(buildDir, 'native');
export const cliProgram = join(root, 'out', 'main', 'cli.js');
