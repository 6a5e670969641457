// A llama-server without llguidance, which is what package managers and llama.cpp's own releases bring: named by
// SLUICE_LLAMA_SERVER_PLAIN, or built by scripts/plain-server.mjs into the cache folder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, hasAvx2, source } from './language.mjs';
import { contentKey } from './hash.mjs';

const key = () =>
  contentKey(['native/llama-server/CMakeLists.txt'], {
    extra: [source.package, process.platform, process.arch, String(hasAvx2())],
  }).slice(0, 16);

export const plainFolder = () => join(cacheDir, 'llama-server', `plain-${key()}`);

// Its path, or null.
export function plainServer() {
  const named = process.env.SLUICE_LLAMA_SERVER_PLAIN ?? '';
  if (named !== '') return named;
  const built = join(plainFolder(), 'llama-server');
  return existsSync(built) ? built : null;
}
