// The example: eight bars for piano, bass and drums. What an empty roll offers, so that something is heard in one click.
import { performOn } from '../app/document.ts';
import { replaceMusic } from '../core/music/actions.ts';
import { newId } from '../core/ids.ts';
import { asTick, byTime, DRUM_CHANNEL, emptyMusic, newTrack, type Note, PPQ } from '../core/music/model.ts';
import { play, stop } from './playback/player.ts';
import { stageOnScreen } from './stage-ref.ts';
import { setRoll } from './view.ts';

const BARS = 8;
const note = (beat: number, beats: number, pitch: number, velocity: number): Note => ({
  id: newId(),
  tick: asTick(beat * PPQ),
  duration: Math.round(beats * PPQ * 0.96),
  pitch,
  velocity,
});

// Roots of the bass and chords above them: Dm7, G7, Cmaj7, Am7, twice.
const changes: readonly { bass: number; chord: readonly number[] }[] = [
  { bass: 38, chord: [53, 57, 60, 64] },
  { bass: 43, chord: [53, 57, 59, 62] },
  { bass: 36, chord: [52, 55, 59, 62] },
  { bass: 45, chord: [52, 55, 60, 64] },
];
const melody: readonly (readonly [beat: number, beats: number, pitch: number])[] = [
  [0, 1, 69], [1, 0.5, 72], [1.5, 1.5, 74], [3.5, 0.5, 72],
  [4, 1, 71], [5, 0.5, 67], [5.5, 2, 65],
  [8, 1.5, 64], [9.5, 0.5, 67], [10, 1, 71], [11, 1, 74],
  [12, 2.5, 72], [15, 0.5, 71], [15.5, 0.5, 72],
  [16, 1, 74], [17, 0.5, 77], [17.5, 1.5, 76], [19, 1, 74],
  [20, 1.5, 71], [21.5, 0.5, 74], [22, 1.5, 67],
  [24, 1, 67], [25, 1, 71], [26, 0.5, 72], [26.5, 1.5, 76],
  [28, 3.5, 72],
]; // prettier-ignore

export function playExample(): void {
  const bars = Array.from({ length: BARS }, (_, bar) => ({
    bar,
    ...(changes[bar % 4] ?? { bass: 36, chord: [] }),
  }));
  const chords = bars.flatMap(({ bar, chord }) =>
    chord.flatMap((pitch) => [note(bar * 4, 1.5, pitch, 62), note(bar * 4 + 2.5, 1.4, pitch, 54)]),
  );
  const bass = bars.flatMap(({ bar, bass: root }) =>
    [root, root + 7, root + 12, root + 7].map((pitch, beat) =>
      note(bar * 4 + beat, 0.9, pitch, 84 - beat * 4),
    ),
  );
  const drums = bars.flatMap(({ bar }) =>
    [0, 1, 2, 3].flatMap((beat) => [
      note(bar * 4 + beat, 0.25, 51, 70),
      note(bar * 4 + beat + 0.66, 0.2, 42, beat % 2 === 1 ? 58 : 36),
      ...(beat % 2 === 0 ? [note(bar * 4 + beat, 0.25, 36, 84)] : [note(bar * 4 + beat, 0.25, 38, 66)]),
    ]),
  );
  const tracks = [
    newTrack({
      name: 'Melody',
      program: 11,
      channel: 0,
      notes: melody.map(([at, beats, pitch]) => note(at, beats, pitch, 92)),
    }),
    newTrack({ name: 'Piano', program: 4, channel: 1, volume: 88, notes: chords }),
    newTrack({ name: 'Bass', program: 32, channel: 2, notes: bass }),
    newTrack({ name: 'Drums', channel: DRUM_CHANNEL, volume: 84, notes: drums }),
  ].map((track) => ({ ...track, notes: [...track.notes].sort(byTime) }));
  stop(0);
  performOn(
    'music',
    replaceMusic({ ...emptyMusic(), tracks, tempos: [{ tick: asTick(0), bpm: 112 }] }, 'Example'),
  );
  setRoll({ track: null, selected: new Set() });
  stageOnScreen()?.fit();
  play();
}
