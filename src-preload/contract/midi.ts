// Composing as data: what is asked for and what is told, for the command line, the server and the window alike.
import { z } from 'zod';

const byte = z.number().int().min(0).max(127);

export const ROW = 8; // tokens in a row; a row is an event

export const weightKinds = ['f32', 'f16', 'q8'] as const;
export const weightKind = z.enum(weightKinds);
export type WeightKind = z.infer<typeof weightKind>;

export const tokenizerVersion = z.enum(['v1', 'v2']);
export type TokenizerVersion = z.infer<typeof tokenizerVersion>;

// How a .mid file is tokenised.
export const tokenizing = z.object({
  version: tokenizerVersion,
  remap: z.boolean(), // number tracks and channels anew
  defaultInstruments: z.boolean(), // patch 0 where a channel with notes has none
  removeEmptyChannels: z.boolean(),
  keepSmallChanges: z.boolean(), // every change of controllers and tempo
  strict: z.boolean(), // exactly the original's tokens, also where it drops music
});
export type Tokenizing = z.infer<typeof tokenizing>;

export const composeRequest = z.object({
  events: z.number().int().min(1).max(65536), // new ones, of each variation
  seconds: z.number().min(0), // of new music at most; 0: no bound
  temperature: z.number().min(0), // 0: always the likeliest token
  topP: z.number().gt(0).max(1),
  topK: z.number().int().min(1),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), // variation k uses seed + k
  count: z.number().int().min(1).max(64),
  instruments: z.array(byte).max(15), // General MIDI programs
  drums: byte.nullable(), // program of the kit
  bpm: z.number().int().min(0).max(383), // 0: the model's choice
  timeSignature: z
    .object({ numerator: z.number().int().min(1).max(16), denominatorPower: z.number().int().min(1).max(4) })
    .nullable(),
  key: z.object({ sharps: z.number().int().min(-7).max(7), minor: z.boolean() }).nullable(),
  noPatchChange: z.boolean(),
  noControlChange: z.boolean(),
  channels: z.array(z.number().int().min(0).max(15)).nullable(), // those that may be used; null: all
});
export type ComposeRequest = z.infer<typeof composeRequest>;

// What a run measured.
export interface ComposeFigures {
  events: number; // new rows of all variations, eos rows among them
  tokens: number; // without padding
  seconds: number; // from prompt to last event
  firstEventSeconds: number;
  eventsPerSecond: number; // after the first event, which waits for the prompt
  cacheBytes: number;
}
