import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { shell } from 'electron';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type Download, type LocalModel, models } from '../../src-preload/contract/models.ts';
import { moveToTrash } from '../gallery/trash.ts';
import { dataDir } from '../library/paths.ts';
import { Downloads } from '../models/downloads.ts';
import { type LocalSources, localModels } from '../models/local.ts';
import type { IpcBridge } from './bridge.ts';

export interface ModelServices extends Omit<LocalSources, 'isOurs'> {
  folder: string; // where downloads go
  list: string; // what is known of them
}

// Returns what stops the downloads.
export function serveModelsDomain(bridge: IpcBridge, services: ModelServices): { close(): Promise<void> } {
  const downloads = new Downloads({
    folder: services.folder,
    list: services.list,
    changed: (download: Download) => emit('changed', download),
  });
  let known: LocalModel[] = [];
  const find = (id: string): LocalModel => {
    const found = known.find((model) => model.id === id);
    if (found === undefined || !existsSync(id))
      throw new SluiceError(Status.input, 'model-missing', `the model ${id} is not there any more`);
    return found;
  };
  const emit = bridge.serve('models', models, {
    list: async () => {
      const ours = new Set(downloads.files());
      known = await localModels({ ...services, isOurs: (path) => ours.has(path) });
      return known;
    },
    reveal: (id) => {
      shell.showItemInFolder(find(id).id);
      return undefined;
    },
    trash: async (id) => {
      const model = find(id);
      if (!model.ours)
        throw new SluiceError(
          Status.usage,
          'not-ours',
          `${model.name} was not downloaded by Sluice`,
          'Delete it in its folder.',
        );
      await (process.platform === 'linux' ? moveToTrash(id, dirname(dataDir())) : shell.trashItem(id));
      return undefined;
    },
    downloads: () => downloads.list(),
    fetch: (order) => downloads.start(order),
    pause: async (id) => {
      await downloads.pause(id);
      return undefined;
    },
    resume: (id) => {
      downloads.resume(id);
      return undefined;
    },
    forget: async (id) => {
      await downloads.forget(id);
      emit('forgotten', id);
      return undefined;
    },
  });
  return downloads;
}
