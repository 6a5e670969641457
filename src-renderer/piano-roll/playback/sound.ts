// What notes sound with: the General MIDI sound font, or, where that cannot be had, the synthesiser of its own.
import type { Context } from 'tone';
import { tell } from '../../app/notices.ts';
import type { Control, MusicDocument, Track } from '../../core/music/model.ts';
import { messageOf } from '../../core/sound/messages.ts';
import ClockWorker from './clock-worker.ts?worker';

export interface SoundSource {
  // `at` in seconds of the context, `velocity` 1 to 127.
  play(track: Track, pitch: number, velocity: number, seconds: number, at: number): void;
  // Bends and controllers, all at one time. Nothing where the source has none.
  change?(track: Track, controls: readonly Control[], at: number): void;
  // The same where playing begins: what was changed before counts no more.
  begin?(track: Track, controls: readonly Control[], at: number): void;
  click(at: number, strong: boolean): void;
  silence(): void;
  // Resolves when the music can be played without waiting for anything.
  prepare(music: MusicDocument): Promise<void>;
}

// Said once: every tune after would say it again.
let told = false;

export function tellOfFallback(error: unknown): void {
  if (told) return;
  told = true;
  tell(
    `The General MIDI sound font could not be loaded: ${messageOf(error)}. Notes sound with a simple synthesiser ` +
      'instead. Set Sluice up again (npm start, or install the package anew) to mend it.',
  );
}

export interface LiveSound {
  readonly source: SoundSource;
  readonly context: Context;
  readonly clock: Worker;
}

let current: Promise<LiveSound> | null = null;
let resting: ReturnType<typeof setTimeout> | undefined;

// Tone starts an audio thread by being loaded, so it is loaded when something is to be heard.
async function open(): Promise<LiveSound> {
  const [Tone, { FontVoices }] = await Promise.all([import('tone'), import('./font/font-voices.ts')]);
  // A context of the browser's own takes the worklet from our origin, as the content policy wants; Tone's would make a
  // blob of it.
  // Nor does its clock come from Tone, which makes a worker from a blob at every wake and never lets the blob go.
  const context = new Tone.Context({
    context: new AudioContext({ latencyHint: 'interactive' }),
    clockSource: 'offline',
  });
  const clock = new ClockWorker();
  clock.onmessage = () => context.emit('tick');
  Tone.setContext(context, true);
  try {
    return { source: await FontVoices.open(), context, clock };
  } catch (error) {
    tellOfFallback(error);
    const { Voices } = await import('./voices.ts');
    const voices = new Voices();
    await voices.ready;
    return { source: voices, context, clock };
  }
}

// Makes the sound at the first use, and wakes its context, which rests while nothing plays.
export async function liveSound(): Promise<LiveSound> {
  clearTimeout(resting);
  current ??= open();
  const sound = await current;
  sound.clock.postMessage(sound.context.updateInterval * 1000);
  await sound.context.resume();
  return sound;
}

const RINGS_ON_MS = 8000;

// The audio thread and Tone's clock cost processor time in silence too.
export function restSound({ context, clock }: LiveSound): void {
  clearTimeout(resting);
  resting = setTimeout(() => {
    clock.postMessage(0);
    const { rawContext } = context;
    if ('suspend' in rawContext) void rawContext.suspend(0);
  }, RINGS_ON_MS);
}
