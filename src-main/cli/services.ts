// The services that commands share, made on first use.
import { existsSync } from 'node:fs';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { Engine } from '../engine/index.ts';
import { findModels, type FoundModel } from '../library/models.ts';
import { addonPath, cacheDir, modelFolders, resourceDir } from '../library/paths.ts';

export function loadEngine(): Engine {
  const path = addonPath();
  if (!existsSync(path)) {
    throw new SluiceError(Status.internal, 'not-built', `${path} is missing`, 'Build it: npm run build');
  }
  return new Engine(path);
}

export const contextPaths = (): { cacheDir: string; resourceDir: string } => ({
  cacheDir: cacheDir(),
  resourceDir: resourceDir(),
});

export const allModels = (): FoundModel[] => findModels(modelFolders());
