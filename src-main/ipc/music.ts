// The composer for the window: makes the service on first use and serves its domain.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { compose } from '../../src-preload/contract/compose.ts';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import { dataDir, addonPath, modelFolders } from '../library/paths.ts';
import { Composer } from '../midi/composer.ts';
import { Midi } from '../midi/index.ts';
import { findMidiModels } from '../midi/models.ts';
import type { IpcBridge } from './bridge.ts';
import { serveComposeDomain } from './compose.ts';

// Returns what ends a run and gives the model's memory back. `onLoaded`: another model has memory now.
export function serveMusic(bridge: IpcBridge, onLoaded: () => void): Pick<Composer, 'close' | 'givesWay'> {
  let midi: Midi | null = null;
  const emit: Emit<typeof compose> = (name, payload) => emitCompose(name, payload);
  const composer = new Composer({
    midi: () => (midi ??= new Midi(addonPath())),
    models: () => findMidiModels(modelFolders()),
    folder: join(dataDir(), 'models'),
    threads: Math.max(1, availableParallelism() - 1), // the window draws and plays meanwhile
    onLoaded,
    onBegun: (told) => emit('begun', told),
    onGrown: (told) => emit('grown', told),
  });
  const emitCompose = serveComposeDomain(bridge, () => composer);
  return composer;
}
