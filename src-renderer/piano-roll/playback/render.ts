// The music as sound in a file: the same voices in a context that renders as fast as it can.
import * as Tone from 'tone';
import { audibleTracks, musicEnd, type MusicDocument } from '../../core/music/model.ts';
import { secondsAt } from '../../core/music/time.ts';
import { heldUntil } from './player.ts';
import { Voices } from './voices.ts';

const RATE = 44100;
const TAIL = 2; // seconds for what rings on

export async function renderMusic(music: MusicDocument): Promise<{ channels: Float32Array[]; rate: number }> {
  const seconds = secondsAt(music.tempos, musicEnd(music)) + TAIL;
  const rendered = await Tone.Offline(
    async () => {
      const voices = new Voices();
      await voices.ready;
      for (const track of audibleTracks(music)) {
        for (const { tick, duration, pitch, velocity } of track.notes) {
          const at = secondsAt(music.tempos, tick);
          const end = secondsAt(music.tempos, heldUntil(track, tick + duration));
          voices.play(track, pitch, velocity, end - at, at);
        }
      }
    },
    seconds,
    2,
    RATE,
  );
  return { channels: [rendered.getChannelData(0), rendered.getChannelData(1)], rate: rendered.sampleRate };
}
