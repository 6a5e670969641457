// The app itself: what it is, how it looks, what the window asks of the system.
import { z } from 'zod';
import { call, event, nothing } from './ipc.ts';

export const themeChoice = z.enum(['system', 'light', 'dark']);
export type ThemeChoice = z.infer<typeof themeChoice>;

export const appInfo = z.object({
  version: z.string(),
  electron: z.string(),
  platform: z.string(),
});
export type AppInfo = z.infer<typeof appInfo>;

export const app = {
  info: call(nothing, appInfo),
  setTheme: call(themeChoice, nothing),
  // The window has drawn itself and listens.
  ready: call(nothing, nothing),
  quit: call(nothing, nothing),
  // A command of the window's table, asked for by the system: a menu, the command line.
  command: event(z.string()),
};
