// Projects: one zip file each. What is open is kept as it changes, saved or not, so that nothing is lost. Documents
// cross as JSON text: the window owns their schema.
import { z } from 'zod';
import { bytes, call, event, nothing } from './ipc.ts';

export const assetId = z.string().regex(/^[0-9a-f]{64}$/); // SHA-256 of the file
export const MAX_ASSET_BYTES = 256 * 2 ** 20;

export const asset = z.object({
  id: assetId,
  file: bytes.refine((file) => file.byteLength <= MAX_ASSET_BYTES, 'a picture is larger than 256 MiB'),
});

export const projectState = z.object({
  name: z.string(),
  saved: z.boolean(), // the project's file has every change
});
export type ProjectState = z.infer<typeof projectState>;

export const openedProject = projectState.extend({
  document: z.string().nullable(), // null: a new one
  assets: z.array(asset),
});
export type OpenedProject = z.infer<typeof openedProject>;

export const projects = {
  // What was open when the studio ended, however it ended.
  current: call(nothing, openedProject),
  putAsset: call(asset, nothing),
  // Keeps the document on the disk, outside the project's file.
  keep: call(z.string(), projectState),
  // These ask for files by the system's dialogs, and first whether unsaved changes are to be saved; null: the person
  // thought better of it.
  create: call(nothing, openedProject.nullable()),
  open: call(nothing, openedProject.nullable()),
  // The file that the system or the command line gave the studio to open; null: none, or the person thought better.
  openGiven: call(nothing, openedProject.nullable()),
  save: call(z.object({ document: z.string(), as: z.boolean() }), projectState.nullable()),
  given: event(nothing), // there is a file to open
};
