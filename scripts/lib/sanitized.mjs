// The C++ tests built with the address, leak and undefined-behaviour sanitizers, in a folder of their own, and the
// environment in which they run.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { contentKey, stampMatches, writeStamp } from './hash.mjs';
import { buildDir, root } from './paths.mjs';
import { run } from './process.mjs';

const folder = join(buildDir, 'sanitize');
const flags = [
  '-DCMAKE_BUILD_TYPE=None',
  '-DCMAKE_CXX_FLAGS=-O1 -g1',
  '-DSLUICE_SANITIZE=ON',
  '-DSLUICE_ADDON=OFF',
];
const suppressions = join(root, 'scripts', 'suites', 'leak-suppressions.txt');

export const sanitized = {
  program: join(folder, 'engine', 'sluice_tests'),
  env: {
    ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1:detect_stack_use_after_return=1:malloc_context_size=8',
    LSAN_OPTIONS: `suppressions=${suppressions}:print_suppressions=0`,
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  },
};

export async function buildSanitized({ lowPriority = false } = {}) {
  const skip = (path) => path.includes('testdata') || path.includes('target');
  const key = contentKey(['native', 'shaders'], { skip, extra: flags });
  if (stampMatches('sanitize', key)) return;
  await run('cmake', ['-S', join(root, 'native'), '-B', folder, '-G', 'Unix Makefiles', ...flags], {
    lowPriority,
  });
  const jobs = String(availableParallelism());
  await run('cmake', ['--build', folder, '--target', 'sluice_tests', '--parallel', jobs], { lowPriority });
  writeStamp('sanitize', key);
}
