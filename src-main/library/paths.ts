// Where Sluice finds its own files and keeps the user's.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSettings } from './studio-settings.ts';

// The program's folder: the nearest one above this module that holds resources/.
export function programRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'resources')) || !existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('resources/ is missing: the installation is incomplete');
    folder = parent;
  }
  return folder;
}

export const resourceDir = (): string => join(programRoot(), 'resources');
export const addonPath = (): string => join(programRoot(), 'build', 'native', 'addon', 'sluice.node');

function xdg(variable: string, fallback: string): string {
  const value = process.env[variable];
  return value !== undefined && value !== '' ? value : join(homedir(), fallback);
}

export const cacheDir = (): string => join(xdg('XDG_CACHE_HOME', '.cache'), 'sluice');

// The user's pictures and projects, outside the installation, so that an update never touches them.
export const dataDir = (): string => join(xdg('XDG_DATA_HOME', '.local/share'), 'sluice');

// Folders with models, the first one wins where names are equal: those of the environment, those that were added in
// the studio, Sluice's own.
export function modelFolders(): { embedded: string; user: string[] } {
  const named = (process.env['SLUICE_MODELS'] ?? '').split(delimiter).filter((path) => path !== '');
  return {
    embedded: join(resourceDir(), 'models'),
    user: [
      ...named.map((path) => resolve(path)),
      ...readSettings(dataDir()).modelFolders,
      join(dataDir(), 'models'),
    ],
  };
}
