// Proposed actions on the roll, carried out by the roll's own. Sixteenths become ticks here and nowhere else.
import type { StudioAction } from '../../../src-preload/contract/actions.ts';
import type { ChordSheet } from '../../../src-preload/contract/answers/chords.ts';
import type { MidiSeed } from '../../../src-preload/contract/answers/midi-seed.ts';
import type { Note as Sixteenths } from '../../../src-preload/contract/answers/parts.ts';
import { type Action, together } from '../history.ts';
import { addNotes, addTrack, setTempo, transpose } from '../music/actions.ts';
import { instrumentName } from '../music/gm.ts';
import {
  asTick,
  byTime,
  DRUM_CHANNEL,
  freeChannel,
  isDrums,
  MAX_TRACKS,
  type MusicDocument,
  musicEnd,
  newTrack,
  type Note,
  PPQ,
} from '../music/model.ts';

type MusicAction = Action<MusicDocument>;

const SIXTEENTH = PPQ / 4;

const notesOf = (notes: readonly Sixteenths[], id: string): Note[] =>
  notes
    .map(({ at, length, pitch, velocity }, index) => ({
      id: `${id}-${index}`,
      tick: asTick(at * SIXTEENTH),
      duration: length * SIXTEENTH,
      pitch,
      velocity,
    }))
    .sort(byTime);

// A first track takes the place of empty ones: an empty roll has one to write in.
function withTrack(
  music: MusicDocument,
  { instrument, drums, notes }: Extract<StudioAction, { action: 'add-track' }>,
  id: string,
): MusicAction {
  const there = musicEnd(music) === 0 ? [] : music.tracks;
  const track = {
    ...newTrack({
      name: drums ? 'Drums' : instrumentName(instrument),
      program: instrument,
      channel: drums ? DRUM_CHANNEL : freeChannel(there),
      notes: notesOf(notes, id),
    }),
    id,
  };
  const add = addTrack(track);
  return {
    label: add.label,
    apply: (now) => add.apply(musicEnd(now) === 0 ? { ...now, tracks: [] } : now),
  };
}

// What one action does. A sentence: why it cannot be done. Null: it is none of the roll's.
export function musicActions(
  action: StudioAction,
  music: MusicDocument,
  id: string,
): readonly MusicAction[] | string | null {
  switch (action.action) {
    case 'add-track':
      return musicEnd(music) > 0 && music.tracks.length >= MAX_TRACKS
        ? 'there are as many tracks as can be'
        : [withTrack(music, action, id)];
    case 'add-notes': {
      const track = music.tracks[action.track - 1];
      return track === undefined
        ? `there is no track ${action.track}`
        : [addNotes(track.id, notesOf(action.notes, id))];
    }
    case 'set-tempo':
      return [{ label: 'Tempo', apply: (now) => setTempo(action.tempo).apply(now) }];
    case 'transpose': {
      const moved = music.tracks.filter((track) => !isDrums(track) && track.notes.length > 0);
      const all = moved.map((track) =>
        transpose(track.id, new Set(track.notes.map(({ id: note }) => note)), action.semitones),
      );
      return all.length === 0 ? 'there are no notes to transpose' : [together('Transpose', all)];
    }
    case 'add-shape':
    case 'add-stroke':
    case 'add-figure':
    case 'erase-area':
    case 'clear-canvas':
    case 'set-prompt':
    case 'set-size':
    case 'paint':
    case 'compose':
    case 'undo':
    case 'redo':
      return null;
  }
}

const PIANO = 0;
const LOUD = 80;

// Chords as a track of a piano, from the beginning.
export function chordActions({ tempo, bars }: ChordSheet): StudioAction[] {
  const notes: Sixteenths[] = [];
  let at = 0; // quarters
  for (const { beats, pitches } of bars.flat()) {
    const begin = Math.round(at * 4);
    const length = Math.max(1, Math.round((at + beats) * 4) - begin);
    for (const pitch of new Set(pitches)) notes.push({ at: begin, length, pitch, velocity: LOUD });
    at += beats;
  }
  return [
    { action: 'set-tempo', tempo },
    { action: 'add-track', instrument: PIANO, drums: false, notes },
  ];
}

export const seedActions = ({ tempo, tracks }: MidiSeed): StudioAction[] => [
  { action: 'set-tempo', tempo },
  ...tracks.map((track) => ({ action: 'add-track' as const, ...track })),
];
