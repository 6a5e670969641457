// What can be done to the music. Each function gives one action; an action that finds nothing to change returns the
// document itself, which is no step.
import type { Action } from '../history.ts';
import { newId } from '../ids.ts';
import {
  asTick,
  byTime,
  MAX_BPM,
  MAX_TRACKS,
  type Meter,
  MIN_BPM,
  type MusicDocument,
  type Note,
  type Track,
} from './model.ts';

type MusicAction = Action<MusicDocument>;
export type Ids = ReadonlySet<string>;

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

function changeTrack(music: MusicDocument, id: string, change: (track: Track) => Track): MusicDocument {
  const index = music.tracks.findIndex((track) => track.id === id);
  const track = music.tracks[index];
  if (track === undefined) return music;
  const next = change(track);
  return next === track ? music : { ...music, tracks: music.tracks.with(index, next) };
}

function changeNotes(label: string, trackId: string, ids: Ids, change: (note: Note) => Note): MusicAction {
  return {
    label,
    apply: (music) =>
      changeTrack(music, trackId, (track) => {
        const notes = track.notes.map((note) => (ids.has(note.id) ? change(note) : note));
        return notes.some((note, index) => note !== track.notes[index])
          ? { ...track, notes: notes.sort(byTime) }
          : track;
      }),
  };
}

const chosen = (track: Track, ids: Ids): Note[] => track.notes.filter(({ id }) => ids.has(id));

// How far notes can go without leaving what MIDI knows; all go equally far.
function bounded(notes: readonly Note[], ticks: number, pitches: number): [ticks: number, pitches: number] {
  let [first, low, high] = [Infinity, 127, 0];
  for (const { tick, pitch } of notes) {
    first = Math.min(first, tick);
    low = Math.min(low, pitch);
    high = Math.max(high, pitch);
  }
  return [Math.max(Math.round(ticks), -first), clamp(Math.round(pitches), -low, 127 - high)];
}

export function addNotes(trackId: string, notes: readonly Note[], label = 'Add notes'): MusicAction {
  return {
    label: label === 'Add notes' && notes.length === 1 ? 'Add note' : label,
    apply: (music) =>
      notes.length === 0
        ? music
        : changeTrack(music, trackId, (track) => ({
            ...track,
            notes: [...track.notes, ...notes].sort(byTime),
          })),
  };
}

export function removeNotes(trackId: string, ids: Ids): MusicAction {
  return {
    label: ids.size === 1 ? 'Delete note' : 'Delete notes',
    apply: (music) =>
      changeTrack(music, trackId, (track) => {
        const notes = track.notes.filter(({ id }) => !ids.has(id));
        return notes.length === track.notes.length ? track : { ...track, notes };
      }),
  };
}

export function moveNotes(
  trackId: string,
  ids: Ids,
  ticks: number,
  pitches: number,
  label = 'Move notes',
): MusicAction {
  return {
    label,
    apply: (music) => {
      const track = music.tracks.find(({ id }) => id === trackId);
      if (track === undefined) return music;
      const [dt, dp] = bounded(chosen(track, ids), ticks, pitches);
      if (dt === 0 && dp === 0) return music;
      return changeNotes(label, trackId, ids, (note) => ({
        ...note,
        tick: asTick(note.tick + dt),
        pitch: note.pitch + dp,
      })).apply(music);
    },
  };
}

export const transpose = (trackId: string, ids: Ids, semitones: number): MusicAction =>
  moveNotes(trackId, ids, 0, semitones, 'Transpose');

// New notes like these, moved together.
export function copiesOf(notes: readonly Note[], ticks: number, pitches: number): Note[] {
  const [dt, dp] = bounded(notes, ticks, pitches);
  return notes.map((note) => ({
    ...note,
    id: newId(),
    tick: asTick(note.tick + dt),
    pitch: note.pitch + dp,
  }));
}

// New notes like these that begin on the grid where these end.
export function repeatOf(notes: readonly Note[], grid: number): Note[] {
  const first = notes.reduce((least, { tick }) => Math.min(least, tick), Infinity);
  const end = notes.reduce((most, { tick, duration }) => Math.max(most, tick + duration), 0);
  return notes.length === 0 ? [] : copiesOf(notes, Math.max(grid, Math.ceil((end - first) / grid) * grid), 0);
}

// No note gets shorter than `least` by this.
export function resizeNotes(
  trackId: string,
  ids: Ids,
  edge: 'start' | 'end',
  ticks: number,
  least: number,
): MusicAction {
  const by = Math.round(ticks);
  return changeNotes('Resize notes', trackId, ids, (note) => {
    const shortest = Math.min(least, note.duration);
    if (edge === 'end') {
      const duration = Math.max(shortest, note.duration + by);
      return duration === note.duration ? note : { ...note, duration };
    }
    const dt = clamp(by, 0 - note.tick, note.duration - shortest);
    return dt === 0 ? note : { ...note, tick: asTick(note.tick + dt), duration: note.duration - dt };
  });
}

export const quantise = (trackId: string, ids: Ids, grid: number): MusicAction =>
  changeNotes('Quantise', trackId, ids, (note) => {
    const tick = asTick(Math.round(note.tick / grid) * grid);
    return tick === note.tick ? note : { ...note, tick };
  });

export function setVelocities(trackId: string, velocities: ReadonlyMap<string, number>): MusicAction {
  return changeNotes('Velocity', trackId, new Set(velocities.keys()), (note) => {
    const velocity = clamp(Math.round(velocities.get(note.id) ?? note.velocity), 1, 127);
    return velocity === note.velocity ? note : { ...note, velocity };
  });
}

// One slider's drag over several notes is one step.
export const setAllVelocities = (trackId: string, ids: Ids, velocity: number): MusicAction => ({
  ...setVelocities(trackId, new Map([...ids].map((id) => [id, velocity]))),
  merge: `velocity ${trackId}`,
});

export function addTrack(track: Track): MusicAction {
  return {
    label: 'Add track',
    apply: (music) =>
      music.tracks.length >= MAX_TRACKS ? music : { ...music, tracks: [...music.tracks, track] },
  };
}

// The last track stays: there is always one to write in.
export function removeTrack(id: string): MusicAction {
  return {
    label: 'Delete track',
    apply: (music) => {
      const tracks = music.tracks.filter((track) => track.id !== id);
      return tracks.length === music.tracks.length || tracks.length === 0 ? music : { ...music, tracks };
    },
  };
}

export type TrackSettings = Partial<
  Pick<Track, 'name' | 'channel' | 'program' | 'volume' | 'pan' | 'muted' | 'solo'>
>;

const trackLabels: Record<keyof TrackSettings, string> = {
  name: 'Rename track',
  channel: 'Instrument',
  program: 'Instrument',
  volume: 'Volume',
  pan: 'Panorama',
  muted: 'Mute',
  solo: 'Solo',
};

export function setTrack(id: string, settings: TrackSettings): MusicAction {
  const fields = Object.keys(settings) as (keyof TrackSettings)[];
  const [first] = fields;
  const slides = first === 'volume' || first === 'pan' || first === 'name';
  return {
    label: first === undefined ? 'Track' : trackLabels[first],
    ...(slides ? { merge: `${first} ${id}` } : {}),
    apply: (music) =>
      changeTrack(music, id, (track) =>
        fields.every((field) => track[field] === settings[field]) ? track : { ...track, ...settings },
      ),
  };
}

// The tempo from the beginning; changes of tempo later on keep their ratio to it.
export function setTempo(bpm: number): MusicAction {
  const wanted = clamp(bpm, MIN_BPM, MAX_BPM);
  return {
    label: 'Tempo',
    merge: 'tempo',
    apply: (music) => {
      const before = music.tempos[0]?.bpm ?? 120;
      if (before === wanted) return music;
      const tempos = music.tempos.map((tempo, index) => ({
        ...tempo,
        bpm: index === 0 ? wanted : clamp((tempo.bpm * wanted) / before, 1, 1000),
      }));
      return { ...music, tempos };
    },
  };
}

export function setMeter(beats: number, unit: Meter['unit']): MusicAction {
  return {
    label: 'Metre',
    apply: (music) => {
      const [first, ...rest] = music.meters;
      if (first?.beats === beats && first.unit === unit) return music;
      return { ...music, meters: [{ tick: asTick(0), beats, unit }, ...rest] };
    },
  };
}

// A file that was opened, in place of everything.
export const replaceMusic = (music: MusicDocument, label: string): MusicAction => ({
  label,
  apply: () => music,
});
