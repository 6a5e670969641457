import { app as electron, nativeTheme } from 'electron';
import { app } from '../../src-preload/contract/app.ts';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import type { IpcBridge } from './bridge.ts';

export function serveAppDomain(bridge: IpcBridge, events: { ready(): void }): Emit<typeof app> {
  return bridge.serve('app', app, {
    info: () => ({
      version: electron.getVersion(),
      electron: process.versions.electron,
      platform: process.platform,
    }),
    setTheme: (choice) => {
      nativeTheme.themeSource = choice;
      return undefined;
    },
    ready: () => {
      events.ready();
      return undefined;
    },
    quit: () => {
      electron.quit();
      return undefined;
    },
  });
}
