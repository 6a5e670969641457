// The models on this machine, and downloads of others. A download begins when a person asks for it and never else.
import { z } from 'zod';
import { failure } from './errors.ts';
import { call, event, nothing } from './ipc.ts';

export const modelKind = z.enum(['picture', 'controlnet', 'vae', 'lora', 'language', 'midi', 'other']);
export type ModelKind = z.infer<typeof modelKind>;

export const localModel = z.object({
  id: z.string(), // its path; only known ones are taken back
  name: z.string(),
  kind: modelKind,
  embedded: z.boolean(),
  bytes: z.number().int().nonnegative(),
  licence: z.string().nullable(), // null: nothing says
  fit: z.enum(['fits', 'slow', 'too-large', 'unreadable', 'unknown']),
  why: z.string(), // a sentence with the figures; may be empty
  ours: z.boolean(), // downloaded by the studio, which may therefore throw it away
});
export type LocalModel = z.infer<typeof localModel>;

export const downloadOrder = z.object({
  url: z.string().max(2000),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(), // null: the person has none to compare with
});
export type DownloadOrder = z.infer<typeof downloadOrder>;

export const download = z.object({
  id: z.string(),
  url: z.string(),
  name: z.string(), // of the file
  state: z.enum(['running', 'checking', 'paused', 'failed', 'done']),
  received: z.number().int().nonnegative(),
  total: z.number().int().nonnegative().nullable(), // null: the server has not said
  sha256: z.string().nullable(), // what was wanted, and once it is done what was found
  failure: failure.nullable(),
});
export type Download = z.infer<typeof download>;

export const models = {
  list: call(nothing, z.array(localModel)),
  reveal: call(z.string(), nothing),
  trash: call(z.string(), nothing),
  downloads: call(nothing, z.array(download)),
  fetch: call(downloadOrder, z.string()), // its id
  pause: call(z.string(), nothing),
  resume: call(z.string(), nothing),
  // Ends it, if it has not ended, and takes it off the list; what had come of it is deleted.
  forget: call(z.string(), nothing),
  changed: event(download),
  forgotten: event(z.string()),
};
