// The studio's one window. Its place and size are kept between starts.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserWindow, nativeTheme, screen } from 'electron';
import { z } from 'zod';
import { writeWhole } from '../library/files.ts';
import { PAGE_URL } from './protocol.ts';

const place = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(640),
  height: z.number().int().min(480),
  maximized: z.boolean(),
});
type Place = z.infer<typeof place>;

function readPlace(file: string): Place {
  const { width, height } = screen.getPrimaryDisplay().workAreaSize;
  const usual: Place = { width: Math.min(1440, width), height: Math.min(920, height), maximized: false };
  if (!existsSync(file)) return usual;
  try {
    const kept = place.parse(JSON.parse(readFileSync(file, 'utf8')));
    const visible = screen
      .getAllDisplays()
      .some(
        ({ workArea }) => (kept.x ?? 0) < workArea.x + workArea.width && (kept.x ?? 0) >= workArea.x - 100,
      );
    return visible ? kept : usual;
  } catch {
    return usual; // settings heal
  }
}

export interface WindowPaths {
  preload: string;
  state: string; // a folder for what the window remembers
}

export function openWindow(paths: WindowPaths): BrowserWindow {
  const file = join(paths.state, 'window.json');
  const kept = readPlace(file);
  const window = new BrowserWindow({
    ...(kept.x === undefined || kept.y === undefined ? {} : { x: kept.x, y: kept.y }),
    width: kept.width,
    height: kept.height,
    minWidth: 640,
    minHeight: 480,
    show: false,
    title: 'Sluice',
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#141517' : '#f6f5f3',
    autoHideMenuBar: true,
    webPreferences: {
      preload: paths.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      safeDialogs: true,
      v8CacheOptions: 'code',
    },
  });
  if (kept.maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => {
    const now: Place = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    void writeWhole([{ path: file, content: Buffer.from(JSON.stringify(now)) }]).catch(() => undefined);
  });
  void window.loadURL(PAGE_URL);
  return window;
}
