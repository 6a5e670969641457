// The engine's C++ tests on the CPU Vulkan driver.
import { join } from 'node:path';
import { runDoctest } from '../lib/doctest.mjs';
import { nativeBuildDir } from '../lib/paths.mjs';

export const name = 'native';

export async function run(check) {
  await runDoctest(check, join(nativeBuildDir, 'engine', 'sluice_tests'));
}
