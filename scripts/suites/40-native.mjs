// The engine's C++ tests on the CPU Vulkan driver: built with the address, leak and undefined-behaviour sanitizers, and
// run under Vulkan's validation layers. The last test of each process fails on any message of theirs
// (vk/zz_validation_test.cpp). What users get is the same sources without either: goldens, pictures, the addon and the
// command line have suites of their own.
import { runDoctest, runDoctestParts } from '../lib/doctest.mjs';
import { buildSanitized, sanitized } from '../lib/sanitized.mjs';

export const name = 'native';
export const beside = true;

const last = 'vk: nothing*';
const long = ['device: every*', 'paint:*', 'device: a pass*', 'ops:*', 'failures: cancel*'];
// Thousands of failing calls, whose messages would not be ours; scripts/fail-everything.mjs has all of them.
const failures = 'failures: every*';
// The suite every-golden has them; the suite goldens paints a third of them through the command line.
const pictures = 'pictures:*';
// Instrumented shaders take seconds each to compile on a CPU device: every op and the least picture's whole job.
const instrumented = ['least:*', 'ops: conv*', 'ops: att*', 'ops: point*', 'ops: group*'];

export async function run(check, { cores }) {
  await buildSanitized(cores());
  const { program, env } = sanitized;
  check.note('core and synchronisation checks');
  const core = { ...env, SLUICE_VALIDATION: '1' };
  await runDoctestParts(check, program, long, { skip: [failures, pictures], always: last, env: core, cores });
  check.note('GPU-assisted checks');
  const args = ['--source-file=*/vk/*,*/ops/*,*/validation_test.cpp'];
  const assisted = { ...env, SLUICE_VALIDATION: 'gpu' };
  await runDoctestParts(check, program, instrumented, { args, always: last, env: assisted, cores });
  check.note('no checks');
  await runDoctest(check, program, { args: [`--test-case=${failures}`], env });
}
