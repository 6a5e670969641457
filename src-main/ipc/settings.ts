import { mkdirSync } from 'node:fs';
import { type BrowserWindow, dialog, shell } from 'electron';
import type { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type places, settings, type StudioSettings } from '../../src-preload/contract/settings.ts';
import { readSettings, writeSettings } from '../library/studio-settings.ts';
import type { IpcBridge } from './bridge.ts';

export interface SettingsServices {
  dataDir: string;
  places: z.infer<typeof places>;
  window(): BrowserWindow;
}

export function serveSettingsDomain(bridge: IpcBridge, services: SettingsServices): void {
  const { dataDir } = services;
  const change = async (changes: Partial<StudioSettings>): Promise<StudioSettings> => {
    const next = { ...readSettings(dataDir), ...changes };
    await writeSettings(dataDir, next);
    return next;
  };
  const ask = async (title: string, what: 'openDirectory' | 'openFile'): Promise<string | undefined> => {
    const { filePaths } = await dialog.showOpenDialog(services.window(), { title, properties: [what] });
    return filePaths[0];
  };
  bridge.serve('settings', settings, {
    read: () => ({ settings: readSettings(dataDir), places: services.places }),
    change: (changes) =>
      change(Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))),
    addModelFolder: async () => {
      const folder = await ask('Folder with models', 'openDirectory');
      const { modelFolders } = readSettings(dataDir);
      if (folder === undefined || modelFolders.includes(folder)) return readSettings(dataDir);
      return change({ modelFolders: [...modelFolders, folder] });
    },
    removeModelFolder: (folder) =>
      change({ modelFolders: readSettings(dataDir).modelFolders.filter((other) => other !== folder) }),
    chooseServer: async () => {
      const program = await ask("llama.cpp's llama-server", 'openFile');
      return program === undefined ? readSettings(dataDir) : change({ llamaServer: program });
    },
    forgetServer: () => change({ llamaServer: '' }),
    open: async (place) => {
      const folder = services.places[place];
      mkdirSync(folder, { recursive: true });
      const problem = await shell.openPath(folder);
      if (problem !== '')
        throw new SluiceError(Status.input, 'folder-not-opened', `${folder} could not be opened: ${problem}`);
      return undefined;
    },
  });
}
