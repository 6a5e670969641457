// From the document to what a sound font plays: how a track sounds, and a whole piece as notes and changes.
import { heardBetween, trackAt } from '../music/controls.ts';
import {
  audibleTracks,
  type Control,
  heldUntil,
  isDrums,
  type MusicDocument,
  type Track,
} from '../music/model.ts';
import { secondsAt } from '../music/time.ts';
import type { SoundChange, SoundNote, Strip } from './font-synth.ts';

export const stripOf = (track: Track): Strip => ({
  id: track.id,
  drums: isDrums(track),
  program: track.program,
  volume: track.volume,
  pan: track.pan,
});

export const changeOf = (strip: Strip, { kind, number, value }: Control, at: number): SoundChange =>
  kind === 'bend' ? { strip, at, kind, value } : { strip, at, kind: 'controller', number, value };

export function ordersOf(music: MusicDocument, rate: number): { notes: SoundNote[]; changes: SoundChange[] } {
  const frameAt = (tick: number): number => Math.round(secondsAt(music.tempos, tick) * rate);
  const tracks = audibleTracks(music);
  return {
    notes: tracks.flatMap((track) =>
      track.notes.map(({ tick, duration, pitch, velocity }) => {
        const at = frameAt(tick);
        const frames = Math.max(1, frameAt(heldUntil(track, tick + duration)) - at);
        return { strip: stripOf(trackAt(track, tick)), pitch, velocity, at, frames };
      }),
    ),
    changes: tracks.flatMap((track) =>
      heardBetween(track, 0, Infinity).map((control) =>
        changeOf(stripOf(track), control, frameAt(control.tick)),
      ),
    ),
  };
}
