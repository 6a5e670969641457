// How a track sounds with the sound font.
import { isDrums, type Track } from '../../../core/music/model.ts';
import type { Strip } from '../../../core/sound/font-synth.ts';

export const stripOf = (track: Track): Strip => ({
  id: track.id,
  drums: isDrums(track),
  program: track.program,
  volume: track.volume,
  pan: track.pan,
});
