import { dirname } from 'node:path';
import { type BrowserWindow, nativeImage, shell } from 'electron';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import { gallery } from '../../src-preload/contract/gallery.ts';
import type { Gallery } from '../gallery/gallery.ts';
import { moveToTrash } from '../gallery/trash.ts';
import { dataDir } from '../library/paths.ts';
import type { IpcBridge } from './bridge.ts';

const remove = (path: string): Promise<unknown> =>
  process.platform === 'linux' ? moveToTrash(path, dirname(dataDir())) : shell.trashItem(path);

export function serveGalleryDomain(
  bridge: IpcBridge,
  service: Gallery,
  window: () => BrowserWindow,
): Emit<typeof gallery> {
  return bridge.serve('gallery', gallery, {
    page: ({ from, count }) => service.page(from, count),
    bring: ({ name, file }) => service.bring(name, file),
    star: async ({ id, starred }) => {
      await service.star(id, starred);
      return undefined;
    },
    board: async ({ id, board }) => {
      await service.board(id, board);
      return undefined;
    },
    trash: async (id) => {
      await service.trash(id, remove);
      return undefined;
    },
    reveal: (id) => {
      shell.showItemInFolder(service.path(id));
      return undefined;
    },
    drag: (id) => {
      const file = service.path(id);
      const icon = nativeImage.createFromPath(file).resize({ width: 96 });
      window().webContents.startDrag({ file, icon });
      return undefined;
    },
  });
}
