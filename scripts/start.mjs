// npm start: the studio. On a machine without a display it runs on a screen in memory, paints the example, keeps a
// screenshot beside the demo's results and ends.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareOrExit } from './bootstrap/index.mjs';
import { demo } from './demo/index.mjs';
import { hasDisplay, startXvfb } from './lib/display.mjs';
import { electronArguments, electronProgram } from './lib/electron.mjs';
import { root } from './lib/paths.mjs';

function studio(args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(electronProgram(), [...electronArguments(), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: 'inherit',
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? code : 130));
    for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => child.kill(name));
  });
}

async function withoutDisplay() {
  console.log('There is no display: the demo runs instead, then the studio on a screen in memory.');
  const status = await demo();
  if (status !== 0) return status;
  const folder = join(root, 'demo-output');
  mkdirSync(folder, { recursive: true });
  console.log(`The studio starts on a screen in memory; its picture will be ${join(folder, 'studio.png')}`);
  const screen = await startXvfb({ width: 1440, height: 920 });
  // The example must not be added to what somebody draws, so it gets a data folder of its own.
  const data = mkdtempSync(join(tmpdir(), 'sluice-start-'));
  try {
    // Such a machine has no session bus either, of which Chromium would complain line by line (3: fatal errors alone).
    return await studio([`--screenshot=${join(folder, 'studio.png')}`, '--log-level=3'], {
      DISPLAY: screen.display,
      XDG_DATA_HOME: data,
    });
  } finally {
    await screen.close();
    rmSync(data, { recursive: true, force: true });
  }
}

await prepareOrExit('window');
process.exitCode = hasDisplay() ? await studio([]) : await withoutDisplay();
