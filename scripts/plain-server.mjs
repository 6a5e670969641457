// Tests the studio against a llama-server without llguidance:
//   node scripts/plain-server.mjs
// builds one first, five minutes, once, unless SLUICE_LLAMA_SERVER_PLAIN names one. Where it is there, `npm test` has
// the suite too.
import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compileServer } from './bootstrap/compile-server.mjs';
import { say } from './bootstrap/index.mjs';
import { cacheDir } from './lib/language.mjs';
import { root } from './lib/paths.mjs';
import { plainFolder, plainServer } from './lib/plain-server.mjs';

if (plainServer() === null) {
  const place = join(cacheDir, 'llama-server', `plain-work-${process.pid}`);
  try {
    const { binary } = await compileServer(place, { llguidance: false });
    const folder = plainFolder();
    mkdirSync(folder, { recursive: true });
    chmodSync(binary, 0o755);
    renameSync(binary, join(folder, 'llama-server'));
    say(`llama-server without llguidance lies in ${folder}`);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
const suite = [join(root, 'scripts', 'test.mjs'), 'plain-server'];
process.exitCode = spawnSync(process.execPath, suite, { stdio: 'inherit' }).status ?? 1;
