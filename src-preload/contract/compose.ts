// Continuing music as the window sees it: a seed as a MIDI file, what is asked of the model, and pieces of music that
// grow while they are made.
import { z } from 'zod';
import { bytes, call, event, nothing } from './ipc.ts';
import { composeRequest } from './midi.ts';

export const MAX_EVENTS = 4096;
export const MAX_VARIATIONS = 8;

export const composeOrder = composeRequest
  .pick({
    temperature: true,
    topP: true,
    topK: true,
    seed: true,
    instruments: true,
    drums: true,
    bpm: true,
    timeSignature: true,
    key: true,
    noPatchChange: true,
    noControlChange: true,
    channels: true,
    seconds: true,
  })
  .extend({
    id: z.string().min(1), // of the run, for its events and for stopping it
    model: z.string().nullable(), // a name of `options`; null: the first
    events: z.number().int().min(1).max(MAX_EVENTS),
    count: z.number().int().min(1).max(MAX_VARIATIONS),
    music: bytes.nullable(), // a MIDI file to go on from; null: a new piece
  });
export type ComposeOrder = z.infer<typeof composeOrder>;

export const composeOptions = z.object({
  models: z.array(z.object({ name: z.string(), embedded: z.boolean() })),
  folder: z.string(), // where a model of one's own is looked for
});
export type ComposeOptions = z.infer<typeof composeOptions>;

// A MIDI file of the seed and what has been added to it, in sixteenths of a quarter note.
export const grownMusic = z.object({
  variation: z.number().int().nonnegative(),
  events: z.number().int().nonnegative(), // new ones
  music: bytes,
});
export type GrownMusic = z.infer<typeof grownMusic>;

export const composed = z.object({
  variations: z.array(grownMusic),
  events: z.number().int().nonnegative(), // of all variations
  seconds: z.number().nonnegative(),
  eventsPerSecond: z.number().nonnegative(),
});
export type Composed = z.infer<typeof composed>;

export const compose = {
  options: call(nothing, composeOptions),
  // Resolves when all variations are done, or with what is there when it is told to keep that.
  start: call(composeOrder, composed),
  stop: call(z.object({ id: z.string(), keep: z.boolean() }), nothing),
  // The seed as the model reads it: what is in here is not new.
  begun: event(z.object({ id: z.string(), seed: bytes.nullable(), notices: z.array(z.string()) })),
  grown: event(grownMusic.extend({ id: z.string() })),
};
