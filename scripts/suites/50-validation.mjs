// The tests that use a device, once more under Vulkan's validation layers: core and synchronisation checks, then
// GPU-assisted ones. The last test of the run fails on any message (vk/zz_validation_test.cpp).
import { join } from 'node:path';
import { runDoctestParts } from '../lib/doctest.mjs';
import { nativeBuildDir } from '../lib/paths.mjs';

export const name = 'validation';

const program = join(nativeBuildDir, 'engine', 'sluice_tests');
const onDevice = '--source-file=*/vk/*,*/ops/*,*/stream/*,*/pipeline/*';
const last = 'vk: nothing*'; // looks at the messages, so every process ends with it
// Minutes of processor time each, over calls that the other tests make as well; the plain run has them.
const skip = ['failures: every*', 'pictures:*'];
const long = ['device: every*', 'ops:*', 'device: a pass*', 'paint:*', 'failures: cancel*'];

export async function run(check) {
  check.note('core and synchronisation');
  const core = { SLUICE_VALIDATION: '1' };
  await runDoctestParts(check, program, long, { args: [onDevice], skip, always: last, env: core });
  // Instrumented shaders take seconds each to compile on a CPU device: every op and the least picture's whole job.
  check.note('GPU-assisted');
  const env = { SLUICE_VALIDATION: 'gpu' };
  const instrumented = ['least:*', 'ops: conv*', 'ops: att*', 'ops: point*', 'ops: group*'];
  const others = ['--source-file=*/vk/*,*/ops/*,*/validation_test.cpp'];
  await runDoctestParts(check, program, instrumented, { args: others, skip, always: last, env });
}
