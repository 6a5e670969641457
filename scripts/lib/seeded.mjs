// Models with seeded random weights, written by the program that native/examples builds.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { nativeBuildDir, root } from './paths.mjs';
import { capture } from './process.mjs';

export const specification = (name) => join(root, 'native', 'engine', 'testdata', 'models', `${name}.json`);

async function write(args) {
  const result = await capture(join(nativeBuildDir, 'examples', 'seeded_model'), args);
  if (result.code !== 0) throw new Error(`seeded_model ${args.join(' ')} failed: ${result.stderr}`);
}

// A diffusers folder with every component of the specification, ControlNets among them.
export async function writeSeededFolder(name, folder) {
  mkdirSync(folder, { recursive: true });
  await write([specification(name), folder]);
  return folder;
}

// One file in the original layout.
export async function writeSeededFile(name, path) {
  const names = join(root, 'native', 'engine', 'testdata', 'models', 'original_names.txt');
  await write([specification(name), path, '--names', names]);
  return path;
}
