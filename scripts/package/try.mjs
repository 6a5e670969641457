// Starts the packaged studio as it will be started elsewhere: from another folder, with data folders of its own. It
// paints the example with the embedded model and keeps a picture of itself; then its parts and fuses are looked at.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startXvfb } from '../lib/display.mjs';
import { buildDir } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';

const sandbox = () => (process.getuid?.() === 0 ? ['--no-sandbox'] : []);

function start(program, args, env, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' });
    const timer = setTimeout(() => child.kill('SIGKILL'), 600_000);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(signal ?? code);
    });
  });
}

async function paints(program, home) {
  const screen = await startXvfb({ width: 1440, height: 920 });
  const shots = join(buildDir, 'e2e-screenshots');
  mkdirSync(shots, { recursive: true });
  const shot = join(shots, 'packaged.png');
  rmSync(shot, { force: true });
  const env = {
    DISPLAY: screen.display,
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    SLUICE_MODELS: '',
  };
  try {
    const ended = await start(program, [...sandbox(), `--screenshot=${shot}`], env, home);
    return { ended, shot };
  } finally {
    await screen.close();
  }
}

export async function tryPackage({ unpacked, archives }) {
  const results = [];
  const check = (title, ok, detail = '') => {
    results.push(ok);
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${title}${ok || detail === '' ? '' : `: ${detail}`}`);
  };
  const home = mkdtempSync(join(tmpdir(), 'sluice-package-'));
  const program = join(unpacked, 'sluice');
  try {
    const { ended, shot } = await paints(program, home);
    check('it starts, paints the example and ends', ended === 0 && existsSync(shot), `ended with ${ended}`);
    const pictures = readdirSync(join(home, 'data', 'sluice', 'gallery')).filter((name) =>
      name.endsWith('.png'),
    );
    check('the picture is in the gallery', pictures.length === 1, pictures.join());

    const resources = join(unpacked, 'resources');
    const beside = [
      'app.asar',
      'build/native/addon/sluice.node',
      'resources/models/icons-256/model_index.json',
    ];
    for (const part of beside) check(`${part} is there`, existsSync(join(resources, part)));
    check('no source tree is loaded', !existsSync(join(resources, 'app')));
    const licences = readdirSync(join(resources, 'licences'));
    for (const name of ['LICENSE', 'react.txt', 'sharp.txt', 'zod.txt'])
      check(`the licence ${name} comes along`, licences.includes(name), licences.join());

    const { getCurrentFuseWire, FuseV1Options } = await import('@electron/fuses');
    const wire = await getCurrentFuseWire(program);
    const [off, on] = ['0'.charCodeAt(0), '1'.charCodeAt(0)];
    const wanted = {
      RunAsNode: off,
      EnableNodeOptionsEnvironmentVariable: off,
      GrantFileProtocolExtraPrivileges: off,
      OnlyLoadAppFromAsar: on,
    };
    for (const [name, state] of Object.entries(wanted))
      check(`the fuse ${name} is ${state === on ? 'on' : 'off'}`, wire[FuseV1Options[name]] === state);
    const asNode = await capture(
      'timeout',
      ['10', program, ...sandbox(), '-e', 'console.log("I am " + "Node")'],
      {
        env: { ELECTRON_RUN_AS_NODE: '1', DISPLAY: '' },
      },
    );
    check('it cannot be used as Node', !asNode.stdout.includes('I am Node'));
    for (const file of archives) check(`${file} has ${(statSync(file).size / 2 ** 20).toFixed(0)} MiB`, true);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  const failed = results.filter((ok) => !ok).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
