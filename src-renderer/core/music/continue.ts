// From the document to a seed for the composer, and from what it made to a step of the document. A seed numbers
// tracks and channels as the tokenizer would, so that what comes back on a channel belongs to the track that was sent
// on it; a channel that was not sent is a new track.
import type { Action } from '../history.ts';
import { trackAt } from './controls.ts';
import { instrumentName } from './gm.ts';
import {
  asTick,
  byTime,
  type Control,
  DRUM_CHANNEL,
  freeChannel,
  isDrums,
  type Key,
  MAX_TRACKS,
  type Meter,
  type MusicDocument,
  musicEnd,
  newTrack,
  type Note,
  type Tempo,
  type Tick,
  type Track,
} from './model.ts';
import { bpmAt, meterAt } from './time.ts';

export interface Seed {
  readonly music: MusicDocument; // as it is sent, from tick 0
  readonly from: Tick; // where that is in the document
  readonly until: Tick; // where the seed ends in the document
  readonly places: ReadonlyMap<number, string>; // channel of the seed: track of the document
}

const MELODIC = Array.from({ length: 16 }, (_, channel) => channel).filter(
  (channel) => channel !== DRUM_CHANNEL,
);

// What the model may add to a seed's own instruments.
export interface Company {
  readonly programs: readonly number[];
  readonly drums: boolean;
}

const within = <T extends { tick: number }>(items: readonly T[], from: number, until: number): T[] =>
  items.filter(({ tick }) => tick >= from && tick < until);
const shifted = <T extends { tick: Tick }>(items: readonly T[], by: number): T[] =>
  items.map((item) => ({ ...item, tick: asTick(item.tick + by) }));

// The notes between two times, or the chosen ones alone, with their tracks; null where there are none.
export function seedOf(
  music: MusicDocument,
  range: { from: number; until: number },
  chosen: ReadonlySet<string> | null,
  company: Company = { programs: [], drums: false },
): Seed | null {
  const from = asTick(range.from);
  const tracks: Track[] = [];
  const places = new Map<number, string>();
  const free = [...MELODIC];
  let drums = null as Track | null;
  for (const track of music.tracks) {
    if (track.muted) continue;
    const notes = within(track.notes, from, range.until).filter(({ id }) => chosen?.has(id) ?? true);
    if (notes.length === 0) continue;
    const controls = within(track.controls, from, range.until);
    const part = {
      ...trackAt(track, from),
      notes: shifted(notes, 0 - from),
      controls: shifted(controls, 0 - from),
    };
    if (isDrums(track)) {
      // One track of drums: they share a channel anyway.
      if (drums === null) places.set(DRUM_CHANNEL, track.id);
      drums = drums === null ? part : { ...drums, notes: [...drums.notes, ...part.notes].sort(byTime) };
      continue;
    }
    const channel = free.shift();
    if (channel === undefined) continue; // more tracks than MIDI has channels
    places.set(channel, track.id);
    tracks.push({ ...part, channel });
  }
  if (tracks.length === 0 && drums === null) return null;
  for (const program of company.programs) {
    const channel = free.shift();
    if (channel !== undefined) tracks.push(newTrack({ name: instrumentName(program), program, channel }));
  }
  if (drums === null && company.drums) drums = newTrack({ name: 'Drums', channel: DRUM_CHANNEL });
  const { tempos, meters, keys } = music;
  const key = keys.findLast(({ tick }) => tick <= from);
  // Tracks go by their channel, as the tokenizer has them.
  const sent = [...tracks, ...(drums === null ? [] : [drums])].sort((a, b) => a.channel - b.channel);
  return {
    music: {
      tracks: sent,
      tempos: [
        { tick: asTick(0), bpm: bpmAt(tempos, from) },
        ...shifted(within(tempos, from + 1, range.until), 0 - from),
      ],
      meters: [
        { ...meterAt(meters, from), tick: asTick(0) },
        ...shifted(within(meters, from + 1, range.until), 0 - from),
      ],
      keys: [
        ...(key === undefined ? [] : [{ ...key, tick: asTick(0) }]),
        ...shifted(within(keys, from + 1, range.until), 0 - from),
      ],
    },
    from,
    until: asTick(range.until),
    places,
  };
}

// The latest beginning from which there are at most so many notes: what the model reads has an end.
export function latestNotes(
  music: MusicDocument,
  range: { from: number; until: number },
  most: number,
): number {
  const ticks = music.tracks
    .flatMap(({ notes, muted }) => (muted ? [] : within(notes, range.from, range.until)))
    .map(({ tick }) => tick)
    .sort((a, b) => b - a);
  return ticks[most - 1] ?? range.from;
}

export interface NewPart {
  readonly track: string | null; // of the document; null: a new one
  readonly like: Track; // its instrument and name
  readonly notes: readonly Note[];
  readonly controls: readonly Control[];
}

// Times are the document's.
export interface Continuation {
  readonly from: Tick;
  readonly until: Tick; // of the seed
  readonly parts: readonly NewPart[];
  readonly tempos: readonly Tempo[];
  readonly meters: readonly Meter[];
  readonly keys: readonly Key[];
}

const noteName = (channel: number, { tick, pitch }: Note): string => `${channel} ${tick} ${pitch}`;
const controlName = (channel: number, { tick, kind, number }: Control): string =>
  `${channel} ${tick} ${kind} ${number}`;

// What `grown` has beyond `read`, the seed as the model read it. Nothing that begins at `end` or later.
export function continuationOf(
  grown: MusicDocument,
  read: MusicDocument | null,
  seed: Pick<Seed, 'from' | 'until' | 'places'>,
  end: number,
): Continuation {
  const known = new Set<string>();
  for (const { channel, notes, controls } of read?.tracks ?? []) {
    for (const note of notes) known.add(noteName(channel, note));
    for (const control of controls) known.add(controlName(channel, control));
  }
  const last = Math.max(0, ...(read?.tracks.flatMap(({ notes }) => notes.map(({ tick }) => tick)) ?? []));
  const fresh = <T extends { tick: Tick }>(items: readonly T[], isNew: (item: T) => boolean): T[] =>
    shifted(items.filter(isNew), seed.from).filter(({ tick }) => tick < end);
  const parts = new Map<number, NewPart>();
  for (const track of grown.tracks) {
    const { channel } = track;
    const notes = fresh(track.notes, (note) => !known.has(noteName(channel, note)));
    const controls = fresh(
      track.controls,
      (control) => control.tick >= last && !known.has(controlName(channel, control)),
    );
    if (notes.length === 0) continue;
    const before = parts.get(channel);
    parts.set(channel, {
      track: seed.places.get(channel) ?? null,
      like: before?.like ?? track,
      notes: [...(before?.notes ?? []), ...notes].sort(byTime),
      controls: [...(before?.controls ?? []), ...controls],
    });
  }
  const later = <T extends { tick: Tick }>(items: readonly T[], others: readonly T[]): T[] =>
    fresh(items, ({ tick }) => read === null || (tick >= last && !others.some((one) => one.tick === tick)));
  return {
    from: seed.from,
    until: seed.until,
    parts: [...parts.values()],
    tempos: later(grown.tempos, read?.tempos ?? []),
    meters: later(grown.meters, read?.meters ?? []),
    keys: later(grown.keys, read?.keys ?? []),
  };
}

export const countNotes = ({ parts }: Continuation): number =>
  parts.reduce((sum, { notes }) => sum + notes.length, 0);

// The later of two at one time counts.
function merged<T extends { tick: number }>(items: readonly T[], more: readonly T[]): T[] {
  const byTick = new Map(items.map((item) => [item.tick, item]));
  for (const item of more) byTick.set(item.tick, item);
  return [...byTick.values()].sort((a, b) => a.tick - b.tick);
}

// As one step. Tempo, metre and key come along where nothing is there that they would change.
export function addContinuation(added: Continuation): Action<MusicDocument> {
  return {
    label: added.from === added.until ? 'Compose' : 'Continue',
    apply: (music) => {
      if (countNotes(added) === 0) return music;
      const end = musicEnd(music);
      // A new piece takes the place of tracks that have nothing in them.
      let tracks = end === 0 ? [] : [...music.tracks];
      for (const { track, like, notes, controls } of added.parts) {
        const at = tracks.findIndex(({ id }) => id === track);
        const found = tracks[at];
        if (found !== undefined) {
          tracks = tracks.with(at, {
            ...found,
            notes: [...found.notes, ...notes].sort(byTime),
            controls: [...found.controls, ...controls].sort((a, b) => a.tick - b.tick),
          });
        } else if (tracks.length < MAX_TRACKS) {
          const channel = isDrums(like) ? DRUM_CHANNEL : freeChannel(tracks);
          tracks = [...tracks, { ...like, channel, notes: [...notes], controls: [...controls] }];
        }
      }
      const last = added.until >= end;
      return {
        tracks,
        tempos: last ? merged(music.tempos, added.tempos) : music.tempos,
        meters: last ? merged(music.meters, added.meters) : music.meters,
        keys: last ? merged(music.keys, added.keys) : music.keys,
      };
    },
  };
}

// What a proposal would add, for showing it: notes that are not there as they are now.
export function newNotes(now: MusicDocument, next: MusicDocument): Note[] {
  if (now === next) return [];
  const there = new Set<Note>(now.tracks.flatMap(({ notes }) => notes));
  return next.tracks.flatMap(({ notes }) => notes.filter((note) => !there.has(note))).sort(byTime);
}
