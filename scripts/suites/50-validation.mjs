// The tests that use a device, once more under Vulkan's validation layers: core and synchronisation checks, then
// GPU-assisted ones. The last test of the run fails on any message (vk/zz_validation_test.cpp).
import { join } from 'node:path';
import { runDoctest } from '../lib/doctest.mjs';
import { nativeBuildDir } from '../lib/paths.mjs';

export const name = 'validation';

const program = join(nativeBuildDir, 'engine', 'sluice_tests');
const onDevice = '--source-file=*/vk/*,*/ops/*,*/stream/*,*/pipeline/*';
// Clean under core checks as well, but four minutes of processor time: the plain and the sanitizer run have it.
const tooLong = 'failures: every*';

export async function run(check) {
  check.note('core and synchronisation');
  await runDoctest(check, program, {
    args: [onDevice, `--test-case-exclude=${tooLong}`],
    env: { SLUICE_VALIDATION: '1' },
  });
  // Instrumented shaders take seconds each to compile on a CPU device: every op and a small picture's whole job.
  check.note('GPU-assisted');
  const env = { SLUICE_VALIDATION: 'gpu' };
  await runDoctest(check, program, { args: ['--source-file=*/vk/*,*/ops/*'], env });
  await runDoctest(check, program, { args: ['--test-case=paint:*,vk: nothing*'], env });
}
