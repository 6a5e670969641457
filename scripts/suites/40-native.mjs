// The engine's C++ tests on the CPU Vulkan driver: built with the address, leak and undefined-behaviour sanitizers, and
// run under Vulkan's validation layers. The last test of each process fails on any message of theirs
// (vk/zz_validation_test.cpp). What users get is the same sources without either: goldens, pictures, the addon and the
// command line have suites of their own.
import { doctestParts, runDoctest } from '../lib/doctest.mjs';
import { sideBySide } from '../lib/pool.mjs';
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

export async function run(check) {
  await buildSanitized({ lowPriority: true });
  const { program, env } = sanitized;
  const core = { ...env, SLUICE_VALIDATION: '1' };
  const assisted = { ...env, SLUICE_VALIDATION: 'gpu' };
  const where = '--source-file=*/vk/*,*/ops/*,*/validation_test.cpp';
  const runs = [
    ...doctestParts(long, { skip: [failures, pictures], always: last }).map((args) => ({ args, env: core })),
    { args: [`--test-case=${failures}`], env },
    ...doctestParts(instrumented, { always: last }).map((args) => ({
      args: [where, ...args],
      env: assisted,
    })),
  ];
  await sideBySide(runs, ({ args, env }) => runDoctest(check, program, { args, env, lowPriority: true }));
}
