// What of a .mid file goes in front of new music: the fronts' flags and fields to rows.
import { ROW } from '../../src-preload/contract/midi.ts';
import type { Midi, MidiSession } from './index.ts';

const LEARNT = 4096; // events, by the configurations that SkyTNT publishes

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
  const there = Math.max(0, rows.length / ROW - 2);
  const events = Math.min(choice.events ?? there, there);
  const long =
    `${events} events are read, and models are made for at most ${LEARNT}: that takes long, and what follows may be ` +
    'poor. Read fewer (seed events).';
  return {
    rows: rows.slice(0, (events + 1) * ROW),
    notices: events > LEARNT ? [...notices, long] : notices,
  };
}
