// What the roll shows and what the hand holds. Not part of the document: none of it is undone or saved.
import { create } from 'zustand';
import { currentDocument } from '../app/document.ts';
import type { RollScale } from '../core/music/coordinates.ts';
import type { Scale } from '../core/music/gm.ts';
import { asTick, type MusicDocument, type Note, PPQ, type Tick, type Track } from '../core/music/model.ts';
import { grids } from '../core/music/time.ts';

export type RollTool = 'pencil' | 'select';

export interface Loop {
  readonly on: boolean;
  readonly start: Tick;
  readonly end: Tick;
}

export interface RollView {
  scale: RollScale;
  tool: RollTool;
  grid: number; // an index of `grids`
  track: string | null; // the one that is written in
  selected: ReadonlySet<string>; // its notes
  preview: MusicDocument | null; // what a gesture would make of the document
  proposed: MusicDocument | null; // what a proposal would make of it; it is heard in its place
  ghosts: boolean; // other tracks' notes are seen
  scaleHelper: Scale | null;
  pitch: number; // where notes come by keyboard
  length: number; // ticks of the next note
  velocity: number; // of the next note
  loop: Loop;
  metronome: boolean;
  playhead: number; // ticks, where it stands while nothing plays
  playing: boolean;
  recording: boolean;
  typing: boolean; // the computer's keyboard is a piano
  octave: number; // of it
  stepping: boolean; // a played note is written at the playhead, which goes on
  sounding: ReadonlySet<number>; // keys that are pressed
  composer: boolean; // its panel is open
}

export const useRollView = create<RollView>()(() => ({
  scale: { left: 0, top: (127 - 78) * 16, perTick: 0.09, row: 16 },
  tool: 'pencil',
  grid: grids.findIndex(({ name }) => name === '1/16'),
  track: null,
  selected: new Set(),
  preview: null,
  proposed: null,
  ghosts: true,
  scaleHelper: null,
  pitch: 60,
  length: PPQ,
  velocity: 96,
  loop: { on: false, start: asTick(0), end: asTick(4 * 4 * PPQ) },
  metronome: false,
  playhead: 0,
  playing: false,
  recording: false,
  typing: false,
  octave: 4,
  stepping: false,
  sounding: new Set(),
  composer: false,
}));

export const setRoll = (change: Partial<RollView>): void => useRollView.setState(change);
export const rollNow = (): RollView => useRollView.getState();

export const gridTicks = (): number => grids[rollNow().grid]?.ticks ?? PPQ / 4;

export const shownMusic = (): MusicDocument => rollNow().preview ?? currentDocument().music;

// What plays: a proposal can be listened to before it is taken.
export const heardMusic = (): MusicDocument => rollNow().proposed ?? currentDocument().music;

export function trackOf({ tracks }: MusicDocument, id: string | null): Track {
  const track = tracks.find((one) => one.id === id) ?? tracks[0];
  if (track === undefined) throw new Error('the music has no track');
  return track;
}

// The track that is written in; there is always one.
export const currentTrack = (): Track => trackOf(currentDocument().music, rollNow().track);

export function selectedNotes(): readonly Note[] {
  const { selected } = rollNow();
  return selected.size === 0 ? [] : currentTrack().notes.filter(({ id }) => selected.has(id));
}

export const select = (notes: readonly { id: string }[]): void =>
  setRoll({ selected: new Set(notes.map(({ id }) => id)) });

export const chooseTrack = (id: string): void => {
  if (id !== rollNow().track) setRoll({ track: id, selected: new Set() });
};
