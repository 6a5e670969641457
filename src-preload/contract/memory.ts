// Who would have to give memory back for what is about to be asked: told before, so that nobody is surprised by a model
// that has to be loaded again.
import { z } from 'zod';
import { call, event, nothing } from './ipc.ts';
import { paintSettings } from './painting.ts';

export const yielding = z.object({
  kind: z.enum(['paint', 'midi', 'language']),
  model: z.string().nullable(), // its name, where it is known
  bytes: z.number().nonnegative().nullable(), // that it holds of the device; null where it is the host's and not leased
  device: z.string().nullable(),
});
export type Yielding = z.infer<typeof yielding>;

const list = z.array(yielding);

// Each answers for the moment at which it is asked; `changed` says when to ask again.
export const memory = {
  picture: call(z.object({ settings: paintSettings, controlKinds: z.array(z.string()) }), list),
  music: call(z.string().nullable(), list), // a model's name; null: the usual one
  answer: call(z.string().nullable(), list), // likewise
  changed: event(nothing),
};
