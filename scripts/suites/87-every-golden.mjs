// All golden passes and pictures at both storages, by the C++ tests under the sanitizers.
import { runDoctest } from '../lib/doctest.mjs';
import { sideBySide } from '../lib/pool.mjs';
import { buildSanitized, sanitized } from '../lib/sanitized.mjs';

export const name = 'every-golden';

export const missing = () => 'it takes long on a CPU device: npm test -- every-golden';

export async function run(check) {
  await buildSanitized();
  const env = { ...sanitized.env, SLUICE_EVERY_GOLDEN: '1' };
  const cases = ['pictures: one*', 'pictures: the other*', 'device: every*'];
  await sideBySide(cases, (pattern) =>
    runDoctest(check, sanitized.program, { args: [`--test-case=${pattern}`], env }),
  );
}
