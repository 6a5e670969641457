// Puts together what a package holds and has electron-builder wrap it. electron-builder is installed into the build
// folder from the lock file beside this one: nobody who only uses or develops the studio needs its 280 packages.
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildDir, root } from '../lib/paths.mjs';
import { run } from '../lib/process.mjs';
import { configuration } from './configuration.mjs';
import { stageApp, stageElectron } from './stage.mjs';
import { tryPackage } from './try.mjs';

const folder = join(buildDir, 'package');

async function installBuilder() {
  const place = join(folder, 'builder');
  const program = join(place, 'node_modules', 'electron-builder', 'cli.js');
  if (existsSync(program)) return place;
  mkdirSync(place, { recursive: true });
  for (const file of ['package.json', 'package-lock.json'])
    cpSync(join(root, 'scripts', 'package', file), join(place, file));
  await run('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit'], { cwd: place });
  return place;
}

const usual = { linux: ['AppImage', 'deb', 'tar.gz'], win32: ['nsis', 'zip'], darwin: ['dmg', 'zip'] };
const systems = { linux: 'LINUX', win32: 'WINDOWS', darwin: 'MAC' };

export async function packageStudio({ targets = [], tryIt = false, out = join(root, 'dist') }) {
  const system = systems[process.platform];
  if (system === undefined) throw new Error(`there is no package for ${process.platform}`);
  const place = await installBuilder();
  rmSync(out, { recursive: true, force: true });
  const app = stageApp(join(folder, 'app'));
  const electron = stageElectron(join(folder, 'electron'));
  const builder = await import(
    pathToFileURL(join(place, 'node_modules', 'electron-builder', 'out', 'index.js')).href
  );
  const { build, Platform } = builder.default ?? builder;
  // Its own copy of 7-Zip comes as a package, whose programs nobody may run; without it, it would look for another one on
  // the network.
  const zip = join(
    place,
    'node_modules',
    '7zip-bin',
    'linux',
    process.arch === 'arm64' ? 'arm64' : 'x64',
    '7za',
  );
  if (existsSync(zip)) {
    chmodSync(zip, 0o755);
    process.env.ELECTRON_BUILDER_7ZIP_PATH ??= zip;
  }
  if (tryIt) process.env.ELECTRON_BUILDER_COMPRESSION_LEVEL ??= '1'; // it is thrown away
  const wanted = targets.length > 0 ? targets : tryIt ? ['dir', 'tar.gz'] : usual[process.platform];
  const files = await build({
    projectDir: app,
    targets: Platform[system].createTarget(wanted),
    publish: 'never',
    config: configuration({ app, electron, out, inspectable: tryIt }),
  });
  for (const file of files) console.log(file);
  return tryIt ? tryPackage({ unpacked: join(out, 'linux-unpacked'), archives: files }) : 0;
}
