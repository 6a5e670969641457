// The engine's C++ tests on the CPU Vulkan driver.
import { join } from 'node:path';
import { runDoctestParts } from '../lib/doctest.mjs';
import { nativeBuildDir } from '../lib/paths.mjs';

export const name = 'native';

const long = [
  'pictures: one*',
  'pictures: the other*',
  'device: every*',
  'paint:*',
  'failures: every*',
  'ops:*',
  'device: a pass*',
];

export async function run(check) {
  await runDoctestParts(check, join(nativeBuildDir, 'engine', 'sluice_tests'), long);
}
