// What of a .mid file goes in front of new music: the fronts' flags and fields to rows.
import { ROW } from '../../src-preload/contract/midi.ts';
import type { Midi, MidiSession } from './index.ts';

export interface SeedChoice {
  optimise: boolean | null; // all three of the next; null: as the model was trained
  remap: boolean;
  defaultInstruments: boolean;
  removeEmptyChannels: boolean;
  keepSmallChanges: boolean; // of controls and tempo
  events: number | null; // how many are read; null: all
}

export interface Seed {
  rows: Uint32Array; // bos and the events, without eos
  notices: string[];
}

export async function readSeed(
  midi: Midi,
  { version, optimiseMidi }: Pick<MidiSession, 'version' | 'optimiseMidi'>,
  file: Buffer,
  choice: SeedChoice,
): Promise<Seed> {
  const tidy = choice.optimise ?? optimiseMidi;
  const { rows, notices } = await midi.tokenize(file, {
    version,
    remap: tidy || choice.remap,
    defaultInstruments: tidy || choice.defaultInstruments,
    removeEmptyChannels: tidy || choice.removeEmptyChannels,
    keepSmallChanges: choice.keepSmallChanges,
    strict: false,
  });
  const events = Math.max(0, rows.length / ROW - 2);
  return { rows: rows.slice(0, (Math.min(choice.events ?? events, events) + 1) * ROW), notices };
}
