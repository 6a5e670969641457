// The piano roll's document: tracks of notes, tempo and metre. All times are ticks, of which a quarter note has `PPQ`.
import { z } from 'zod';
import { newId } from '../ids.ts';

export const PPQ = 480;

const id = z.string().min(1);
const byte = z.number().int().min(0).max(127);

// A time or a length. `asTick` makes one of any number: nearest whole tick, none before the beginning.
export const tick = z.number().int().nonnegative().brand<'Tick'>();
export type Tick = z.infer<typeof tick>;
export const asTick = (value: number): Tick => Math.max(0, Math.round(value)) as Tick;

export const note = z.object({
  id,
  tick,
  duration: z.number().int().positive(), // ticks
  pitch: byte, // MIDI key; 60 is the middle C
  velocity: z.number().int().min(1).max(127),
});
export type Note = z.infer<typeof note>;

// What a file tells beside notes. It is kept and written again; what of it is heard stands in controls.ts.
export const control = z.object({
  tick,
  kind: z.enum(['controller', 'bend', 'program']),
  number: byte, // of the controller; 0 of the others
  value: z.number().int().min(0).max(16383),
});
export type Control = z.infer<typeof control>;

export const DRUM_CHANNEL = 9; // General MIDI's tenth

export const track = z.object({
  id,
  name: z.string().max(200),
  channel: z.number().int().min(0).max(15),
  program: byte, // General MIDI's instrument, from 0; of no meaning on the drum channel
  volume: byte,
  pan: byte, // 64 is the middle
  muted: z.boolean(),
  solo: z.boolean(),
  notes: z.array(note), // by time, then pitch
  controls: z.array(control),
});
export type Track = z.infer<typeof track>;

export const MIN_BPM = 20;
export const MAX_BPM = 400;
export const tempo = z.object({ tick, bpm: z.number().min(1).max(1000) });
export type Tempo = z.infer<typeof tempo>;

export const meter = z.object({
  tick,
  beats: z.number().int().min(1).max(32),
  unit: z.union([z.literal(1), z.literal(2), z.literal(4), z.literal(8), z.literal(16), z.literal(32)]),
});
export type Meter = z.infer<typeof meter>;

export const key = z.object({
  tick,
  sharps: z.number().int().min(-7).max(7), // flats below 0
  minor: z.boolean(),
});
export type Key = z.infer<typeof key>;

export const musicDocument = z.object({
  tracks: z.array(track),
  tempos: z.array(tempo).min(1), // by time; the first at 0
  meters: z.array(meter).min(1), // likewise
  keys: z.array(key),
});
export type MusicDocument = z.infer<typeof musicDocument>;

export const byTime = (a: Note, b: Note): number =>
  a.tick - b.tick || a.pitch - b.pitch || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

export const isDrums = ({ channel }: Pick<Track, 'channel'>): boolean => channel === DRUM_CHANNEL;

export const noteEnd = ({ tick: at, duration }: Note): Tick => asTick(at + duration);

// How long a note is held: to its end, or as long as the pedal is down after it.
export function heldUntil(track: Track, end: number): number {
  let down = false;
  for (const { tick, kind, number, value } of track.controls) {
    if (kind !== 'controller' || number !== 64) continue;
    if (tick > end) return down ? tick : end;
    down = value >= 64;
  }
  return end;
}

// Where the last note ends.
export function musicEnd({ tracks }: MusicDocument): Tick {
  let end = 0;
  for (const { notes } of tracks)
    for (const { tick: at, duration } of notes) end = Math.max(end, at + duration);
  return asTick(end);
}

// What is heard: solo tracks alone, if there are any.
export function audibleTracks({ tracks }: MusicDocument): readonly Track[] {
  const solo = tracks.some((one) => one.solo && !one.muted);
  return tracks.filter((one) => !one.muted && (!solo || one.solo));
}

export const MAX_TRACKS = 64;

// The first channel that no other track uses; drums keep theirs. With all taken, they are shared.
export function freeChannel(tracks: readonly Track[]): number {
  const used = new Set(tracks.map(({ channel }) => channel));
  for (let channel = 0; channel < 16; channel++) {
    if (channel !== DRUM_CHANNEL && !used.has(channel)) return channel;
  }
  return 0;
}

export function newTrack(given: Partial<Omit<Track, 'id'>> = {}): Track {
  return {
    id: newId(),
    name: 'Piano',
    channel: 0,
    program: 0,
    volume: 100,
    pan: 64,
    muted: false,
    solo: false,
    notes: [],
    controls: [],
    ...given,
  };
}

export const emptyMusic = (): MusicDocument => ({
  tracks: [newTrack()],
  tempos: [{ tick: asTick(0), bpm: 120 }],
  meters: [{ tick: asTick(0), beats: 4, unit: 4 }],
  keys: [],
});
