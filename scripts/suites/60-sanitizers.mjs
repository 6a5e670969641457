// The C++ tests under the address, leak and undefined-behaviour sanitizers, in a build of their own.
import { runDoctestParts } from '../lib/doctest.mjs';
import { buildSanitized, sanitized } from '../lib/sanitized.mjs';

export const name = 'sanitizers';

// Minutes each under the sanitizers, over code that the other cases run as well; `failures: every*` is run under them
// by scripts/fail-everything.mjs.
const skip = ['*full*', 'failures: every*', 'pictures:*', 'programs equal*'];
const long = ['device: every*', 'ops:*', 'paint:*', 'failures: cancel*'];

export async function run(check) {
  await buildSanitized();
  await runDoctestParts(check, sanitized.program, long, { env: sanitized.env, skip });
}
