// What the window tells the audio worklet and the worker that renders files, and what they answer.
import type { SoundChange, SoundNote } from './font-synth.ts';

export type ToWorklet =
  | { readonly kind: 'font'; readonly font: ArrayBuffer }
  | { readonly kind: 'prepare'; readonly id: number; readonly notes: readonly SoundNote[] }
  | { readonly kind: 'notes'; readonly notes: readonly SoundNote[] }
  | { readonly kind: 'changes'; readonly changes: readonly SoundChange[] }
  | { readonly kind: 'silence' };

export type FromWorklet =
  | { readonly kind: 'ready' }
  | { readonly kind: 'prepared'; readonly id: number }
  | { readonly kind: 'failed'; readonly message: string };

export interface RenderOrder {
  readonly font: ArrayBuffer;
  readonly rate: number;
  readonly frames: number;
  readonly notes: readonly SoundNote[];
  readonly changes: readonly SoundChange[];
}

export type Rendered =
  | { readonly left: Float32Array<ArrayBuffer>; readonly right: Float32Array<ArrayBuffer> }
  | { readonly failed: string };

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
