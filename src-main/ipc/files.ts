import { basename } from 'node:path';
import { type BrowserWindow, dialog } from 'electron';
import { files } from '../../src-preload/contract/files.ts';
import { writeWhole } from '../library/files.ts';
import type { IpcBridge } from './bridge.ts';

export function serveFilesDomain(bridge: IpcBridge, window: () => BrowserWindow): void {
  bridge.serve('files', files, {
    save: async ({ suggested, kind, extension, content }) => {
      const { canceled, filePath } = await dialog.showSaveDialog(window(), {
        defaultPath: suggested,
        filters: [{ name: kind, extensions: [extension] }],
        properties: ['createDirectory', 'showOverwriteConfirmation'],
      });
      if (canceled || filePath === '') return null;
      const path = filePath.endsWith(`.${extension}`) ? filePath : `${filePath}.${extension}`;
      await writeWhole([{ path, content: Buffer.from(content) }]);
      return basename(path);
    },
  });
}
