// MIDI models on disk: a folder whose config.json has both nets' configurations. The first embedded one is the
// default.
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';

export interface FoundMidiModel {
  name: string;
  path: string;
  source: 'embedded' | 'user';
}

export function isMidiModel(folder: string): boolean {
  try {
    const config: unknown = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    return (
      typeof config === 'object' && config !== null && 'net_config' in config && 'net_token_config' in config
    );
  } catch {
    return false;
  }
}

function foldersIn(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

// One level deep; the first wins where names are equal.
export function findMidiModels(folders: { embedded: string; user: readonly string[] }): FoundMidiModel[] {
  const look = (folder: string, source: FoundMidiModel['source']): FoundMidiModel[] =>
    foldersIn(folder)
      .map((entry) => ({ name: entry.name, path: join(folder, entry.name), source }))
      .filter(({ path }) => isMidiModel(path));
  return [...look(folders.embedded, 'embedded'), ...folders.user.flatMap((folder) => look(folder, 'user'))];
}

// A path or a found model's name, as a path. Null: the embedded one.
export function resolveMidiModel(wanted: string | null, models: readonly FoundMidiModel[]): string {
  const found = models.find(({ name, source }) =>
    wanted === null ? source === 'embedded' : name === wanted,
  );
  if (found !== undefined) return found.path;
  if (wanted === null) {
    throw new SluiceError(
      Status.usage,
      'no-embedded-model',
      'this build has no embedded MIDI model',
      "Name one with --model: a folder of SkyTNT's midi-model (config.json and model.safetensors), or its .ckpt.",
    );
  }
  if (existsSync(wanted) || /[/\\.]/.test(wanted)) {
    const path = resolve(wanted);
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return path;
    throw new SluiceError(Status.input, 'model-missing', `${path} does not exist`, 'Is the path right?');
  }
  const names = models.map(({ name }) => name).join(', ');
  throw new SluiceError(
    Status.usage,
    'unknown-model',
    `there is no MIDI model "${wanted}"`,
    names === '' ? 'None was found; give a path.' : `There are ${names}.`,
  );
}
