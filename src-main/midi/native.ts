// The addon's MIDI functions, as native/addon/midi_*.cpp defines them. Only this folder sees them.
import { createRequire } from 'node:module';
import { z } from 'zod';
import { asSluiceError, failureStatus, SluiceError } from '../../src-preload/contract/errors.ts';

export interface NativeCompose {
  seedRows: Uint32Array; // rows of 8 tokens
  exactRows: boolean; // the seed is the prompt as it stands
  seed: number;
  count: number;
  events: number;
  seconds: number;
  temperature: number;
  topP: number;
  topK: number;
  instruments: Uint8Array;
  drums: number | null;
  bpm: number;
  timeSignature: { numerator: number; denominatorPower: number } | null;
  key: { sharps: number; minor: boolean } | null;
  noPatchChange: boolean;
  noControlChange: boolean;
  noChannels: number; // bits
}

export interface NativeComposed {
  variations: Uint32Array[];
  events: number;
  tokens: number;
  seconds: number;
  firstEventSeconds: number;
  cacheBytes: number;
}

export interface NativeMidiSession {
  compose(
    job: NativeCompose,
    onEvent: (variation: number, row: Uint32Array) => void,
  ): Promise<NativeComposed>;
  logits(rows: Uint32Array): Promise<{ hidden: Float32Array; logits: Float32Array }>;
  stop(keep: boolean): void;
  close(): void;
  info(): {
    version: number;
    optimiseMidi: boolean;
    vocabSize: number;
    hiddenSize: number;
    weightBytes: number;
  };
}

export interface NativeMidi {
  midiApiVersion: number;
  midiEncode(
    bytes: Uint8Array,
    options: {
      version: number;
      remap: boolean;
      defaultInstruments: boolean;
      removeEmptyChannels: boolean;
      keepSmallChanges: boolean;
      strict: boolean;
    },
  ): Promise<{ rows: Uint32Array; notices: string }>;
  midiDecode(request: { version: number; rows: Uint32Array }): Promise<Uint8Array>;
  midiOpen(options: {
    path: string;
    weights: string | null;
    config: string | null;
    lora: string | null;
    threads: number;
  }): Promise<NativeMidiSession>;
}

const API_VERSION = 1;

export function loadMidi(path: string): NativeMidi {
  const addon = createRequire(import.meta.url)(path) as NativeMidi;
  if (addon.midiApiVersion !== API_VERSION) {
    throw new Error(
      `${path} has MIDI API version ${addon.midiApiVersion}, expected ${API_VERSION}: build it again`,
    );
  }
  return addon;
}

const nativeError = z.object({
  status: failureStatus,
  code: z.string(),
  message: z.string(),
  hint: z.string(),
});

// The addon's errors carry status, code and hint.
export async function calling<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (thrown) {
    const parsed = nativeError.safeParse(thrown);
    if (!parsed.success) throw asSluiceError(thrown);
    const { status, code, message, hint } = parsed.data;
    throw new SluiceError(status, code, message, hint, { cause: thrown });
  }
}
