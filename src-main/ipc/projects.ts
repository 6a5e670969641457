import { type BrowserWindow, dialog } from 'electron';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import { projects } from '../../src-preload/contract/projects.ts';
import type { Projects } from '../library/projects.ts';
import type { IpcBridge } from './bridge.ts';

const filters = [{ name: 'Sluice project', extensions: ['sluice'] }];

// A path of the person's choice; the window never names one.
async function askWhere(window: BrowserWindow, service: Projects): Promise<string | null> {
  const { filePath } = await dialog.showSaveDialog(window, {
    title: 'Save project',
    defaultPath: service.path ?? `${service.state().name}.sluice`,
    filters,
  });
  if (filePath === '') return null;
  return filePath.endsWith('.sluice') ? filePath : `${filePath}.sluice`;
}

async function mayLeave(window: BrowserWindow, service: Projects): Promise<boolean> {
  const { name, saved } = service.state();
  if (saved) return true;
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: `Save the changes to ${name}?`,
    detail: 'Without saving they are lost.',
    buttons: ['Save', 'Cancel', "Don't save"],
    defaultId: 0,
    cancelId: 1,
  });
  if (response === 1) return false;
  if (response === 2) return true;
  const path = service.path ?? (await askWhere(window, service));
  const { document } = await service.current();
  if (path === null || document === null) return false;
  await service.save(document, path);
  return true;
}

export function serveProjectsDomain(
  bridge: IpcBridge,
  service: Projects,
  window: () => BrowserWindow,
  takeGiven: () => string | null, // each file once
): Emit<typeof projects> {
  return bridge.serve('projects', projects, {
    current: () => service.current(),
    putAsset: async ({ id, file }) => {
      await service.putAsset(id, file);
      return undefined;
    },
    keep: (document) => service.keep(document),
    create: async () => ((await mayLeave(window(), service)) ? service.create() : null),
    open: async () => {
      const parent = window();
      if (!(await mayLeave(parent, service))) return null;
      const { filePaths } = await dialog.showOpenDialog(parent, {
        title: 'Open project',
        filters,
        properties: ['openFile'],
      });
      const [path] = filePaths;
      return path === undefined ? null : service.open(path);
    },
    openGiven: async () => {
      const path = takeGiven();
      return path !== null && (await mayLeave(window(), service)) ? service.open(path) : null;
    },
    save: async ({ document, as }) => {
      const parent = window();
      const path = as ? await askWhere(parent, service) : (service.path ?? (await askWhere(parent, service)));
      return path === null ? null : service.save(document, path);
    },
  });
}
