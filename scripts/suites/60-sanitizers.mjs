// The C++ tests under the address, leak and undefined-behaviour sanitizers, in a build of their own. Passes at
// Stable Diffusion's full shapes are left to the plain run: they take the same code paths and ten times as long here.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runDoctest } from '../lib/doctest.mjs';
import { contentKey, stampMatches, writeStamp } from '../lib/hash.mjs';
import { buildDir, root } from '../lib/paths.mjs';
import { run as runProgram } from '../lib/process.mjs';

export const name = 'sanitizers';

const folder = join(buildDir, 'sanitize');
const flags = [
  '-DCMAKE_BUILD_TYPE=None',
  '-DCMAKE_CXX_FLAGS=-O1 -g1',
  '-DSLUICE_SANITIZE=ON',
  '-DSLUICE_ADDON=OFF',
];

async function build() {
  const skip = (path) => path.includes('testdata');
  const key = contentKey(['native', 'shaders'], { skip, extra: flags });
  if (stampMatches('sanitize', key)) return;
  await runProgram('cmake', ['-S', join(root, 'native'), '-B', folder, '-G', 'Unix Makefiles', ...flags]);
  const jobs = String(availableParallelism());
  await runProgram('cmake', ['--build', folder, '--target', 'sluice_tests', '--parallel', jobs]);
  writeStamp('sanitize', key);
}

export async function run(check) {
  await build();
  const suppressions = join(root, 'scripts', 'suites', 'leak-suppressions.txt');
  await runDoctest(check, join(folder, 'engine', 'sluice_tests'), {
    args: ['--test-case-exclude=*full*'],
    env: {
      ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1:detect_stack_use_after_return=1',
      LSAN_OPTIONS: `suppressions=${suppressions}:print_suppressions=0`,
      UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    },
  });
}
