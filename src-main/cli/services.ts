// The services that commands share, made on first use.
import { existsSync } from 'node:fs';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { Engine } from '../engine/index.ts';
import { findModels, type FoundModel } from '../library/models.ts';
import { Midi } from '../midi/index.ts';
import { addonPath, cacheDir, modelFolders, resourceDir } from '../library/paths.ts';

function builtAddon(): string {
  const path = addonPath();
  if (!existsSync(path)) {
    throw new SluiceError(Status.internal, 'not-built', `${path} is missing`, 'Build it: npm run build');
  }
  return path;
}

export const loadEngine = (): Engine => new Engine(builtAddon());
export const loadMidiService = (): Midi => new Midi(builtAddon());

export const contextPaths = (): { cacheDir: string; resourceDir: string } => ({
  cacheDir: cacheDir(),
  resourceDir: resourceDir(),
});

export const allModels = (): FoundModel[] => findModels(modelFolders());
