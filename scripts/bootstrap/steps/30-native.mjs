// The engine, the Rust crates and the addon by CMake; for the tests also the C examples and the benches.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { contentKey, stampMatches, writeStamp } from '../../lib/hash.mjs';
import { nativeBuildDir, root } from '../../lib/paths.mjs';
import { run } from '../../lib/process.mjs';
import { cargoTargetDir, findCargo } from '../../lib/rust.mjs';

export const name = 'native build';
export const purposes = ['run', 'test'];

const targets = { run: ['sluice_addon'], test: ['sluice_addon', 'all'] };
const modules = join(root, 'node_modules');
const flags = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DSLUICE_TESTS=ON',
  '-DSLUICE_ADDON=ON',
  `-DNODE_API_HEADERS_DIR=${join(modules, 'node-api-headers', 'include')}`,
  `-DNODE_ADDON_API_DIR=${join(modules, 'node-addon-api')}`,
  `-DSLUICE_CARGO_TARGET_DIR=${cargoTargetDir}`,
];

// Of npm's packages only these go into the build: others may change without a word of C++ being compiled again.
function headerVersions() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return ['node-api-headers', 'node-addon-api'].map((name) => packages[`node_modules/${name}`].version);
}

function key(purpose) {
  const isTest = (path) => path.endsWith('_test.cpp') || path.startsWith(join('native', 'examples'));
  return contentKey(['native', 'shaders'], {
    skip: (path) =>
      path.includes('testdata') || path.includes('target') || (purpose === 'run' && isTest(path)),
    extra: [purpose, ...flags, ...headerVersions()],
  });
}

export function check(purpose) {
  // What the tests need contains what a run needs, as long as its sources are the same.
  const built = stampMatches(`native-${purpose}`, key(purpose));
  return built
    ? null
    : existsSync(nativeBuildDir)
      ? 'sources have changed'
      : 'not built yet (this takes minutes)';
}

// A build folder that was moved with the tree, or made by another CMake generator, cannot be configured again.
function removeForeignCache() {
  const cache = join(nativeBuildDir, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const text = readFileSync(cache, 'utf8');
  const fits =
    text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${join(root, 'native')}\n`) &&
    text.includes('CMAKE_GENERATOR:INTERNAL=Unix Makefiles\n');
  if (!fits) rmSync(nativeBuildDir, { recursive: true, force: true });
}

export async function apply(purpose) {
  const wanted = key(purpose);
  removeForeignCache();
  const cargo = `-DSLUICE_CARGO=${findCargo()}`;
  await run('cmake', [
    '-S',
    join(root, 'native'),
    '-B',
    nativeBuildDir,
    '-G',
    'Unix Makefiles',
    ...flags,
    cargo,
  ]);
  for (const target of targets[purpose]) {
    await run('cmake', [
      '--build',
      nativeBuildDir,
      '--target',
      target,
      '--parallel',
      String(availableParallelism()),
    ]);
  }
  writeStamp(`native-${purpose}`, wanted);
  if (purpose === 'test') writeStamp('native-run', key('run'));
}
