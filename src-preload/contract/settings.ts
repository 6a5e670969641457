// Settings that the main process keeps. Folders and programs are chosen by the system's dialogs, so that the window
// names no path of its own; theme and shortcuts are the window's.
import { z } from 'zod';
import { call, nothing } from './ipc.ts';
import { precision } from './jobs.ts';

export const studioSettings = z.object({
  modelFolders: z.array(z.string().min(1)).max(50), // besides Sluice's own
  llamaServer: z.string(), // a program's path; empty: found by itself
  device: z.string().min(1), // "auto", or a device's index
  budgetMebibytes: z
    .number()
    .int()
    .min(0)
    .max(1024 * 1024), // 0: what the driver offers
  precision,
});
export type StudioSettings = z.infer<typeof studioSettings>;

export const usualSettings: StudioSettings = {
  modelFolders: [],
  llamaServer: '',
  device: 'auto',
  budgetMebibytes: 0,
  precision: 'auto',
};

// Where things lie, to be shown and opened.
export const places = z.object({
  gallery: z.string(),
  models: z.string(),
  data: z.string(),
  cache: z.string(),
});

export const settings = {
  read: call(nothing, z.object({ settings: studioSettings, places })),
  change: call(
    studioSettings.pick({ device: true, budgetMebibytes: true, precision: true }).partial(),
    studioSettings,
  ),
  // These ask by the system's dialog; the settings as they are afterwards.
  addModelFolder: call(nothing, studioSettings),
  removeModelFolder: call(z.string(), studioSettings),
  chooseServer: call(nothing, studioSettings),
  forgetServer: call(nothing, studioSettings),
  open: call(places.keyof(), nothing),
};
