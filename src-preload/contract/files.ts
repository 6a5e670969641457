// Files that a person saves: the system's dialog decides where, never the window.
import { z } from 'zod';
import { bytes, call } from './ipc.ts';

const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^/\\\0]+$/, 'expected a file name without a folder');

export const saveRequest = z.object({
  suggested: name,
  kind: z.string().min(1), // "MIDI file"
  extension: z.string().regex(/^[a-z0-9]{1,8}$/),
  content: bytes,
});

export const files = {
  // The name that was chosen, or null when the person thought better of it.
  save: call(saveRequest, z.string().nullable()),
};
