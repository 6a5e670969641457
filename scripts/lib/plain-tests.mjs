// The C++ tests as the library is built for users, for scripts: the suites run them under the sanitizers.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { nativeBuildDir } from './paths.mjs';
import { run } from './process.mjs';

// Builds what is missing in the folder that set-up has made, and returns the program.
export async function buildPlainTests() {
  if (!existsSync(nativeBuildDir)) throw new Error(`there is no ${nativeBuildDir}: npm test makes it`);
  const jobs = String(availableParallelism());
  await run('cmake', ['--build', nativeBuildDir, '--target', 'sluice_tests', '--parallel', jobs]);
  return join(nativeBuildDir, 'engine', 'sluice_tests');
}
