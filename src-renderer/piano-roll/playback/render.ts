// The music as sound in a file: the same instruments as live, rendered as fast as it can be.
import { audibleTracks, heldUntil, musicEnd, type MusicDocument } from '../../core/music/model.ts';
import { secondsAt } from '../../core/music/time.ts';
import type { RenderOrder, Rendered } from '../../core/sound/messages.ts';
import { ordersOf } from '../../core/sound/orders.ts';
import { soundFont } from './font/font.ts';
import FontRenderer from './font/render-worker.ts?worker';
import { tellOfFallback } from './sound.ts';

const RATE = 44100;
const TAIL = 2; // seconds for what rings on

export interface RenderedMusic {
  readonly channels: Float32Array[];
  readonly rate: number;
}

async function renderWithFont(music: MusicDocument, seconds: number): Promise<RenderedMusic> {
  const font = await soundFont();
  const worker = new FontRenderer();
  try {
    const { left, right } = await new Promise<Extract<Rendered, { left: unknown }>>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Rendered>) =>
        'failed' in data ? reject(new Error(data.failed)) : resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message || 'its worker could not be started'));
      const orders = ordersOf(music, RATE);
      const order: RenderOrder = { font, rate: RATE, frames: Math.ceil(seconds * RATE), ...orders };
      worker.postMessage(order, [font]);
    });
    return { channels: [left, right], rate: RATE };
  } finally {
    worker.terminate();
  }
}

async function renderWithVoices(music: MusicDocument, seconds: number): Promise<RenderedMusic> {
  const [Tone, { Voices }] = await Promise.all([import('tone'), import('./voices.ts')]);
  const rendered = await Tone.Offline(
    async () => {
      const voices = new Voices();
      await voices.ready;
      for (const track of audibleTracks(music)) {
        for (const { tick, duration, pitch, velocity } of track.notes) {
          const at = secondsAt(music.tempos, tick);
          const held = secondsAt(music.tempos, heldUntil(track, tick + duration)) - at;
          voices.play(track, pitch, velocity, held, at);
        }
      }
    },
    seconds,
    2,
    RATE,
  );
  return { channels: [rendered.getChannelData(0), rendered.getChannelData(1)], rate: rendered.sampleRate };
}

// Many loud notes at once can be louder than a file can hold: the whole is made quieter then, and nothing cut.
function fit({ channels, rate }: RenderedMusic): RenderedMusic {
  let most = 0;
  for (const samples of channels) for (const sample of samples) most = Math.max(most, Math.abs(sample));
  const gain = most > 0.98 ? 0.98 / most : 1;
  return { channels: gain === 1 ? channels : channels.map((samples) => samples.map((x) => x * gain)), rate };
}

export async function renderMusic(music: MusicDocument): Promise<RenderedMusic> {
  const seconds = secondsAt(music.tempos, musicEnd(music)) + TAIL;
  try {
    return fit(await renderWithFont(music, seconds));
  } catch (error) {
    tellOfFallback(error);
    return fit(await renderWithVoices(music, seconds));
  }
}
