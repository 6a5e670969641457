// What notes sound with: the General MIDI sound font, or, where that cannot be had, the synthesiser of its own.
import * as Tone from 'tone';
import { tell } from '../../app/notices.ts';
import type { MusicDocument, Track } from '../../core/music/model.ts';
import { messageOf } from '../../core/sound/messages.ts';
import { FontVoices } from './font/font-voices.ts';
import { Voices } from './voices.ts';

export interface SoundSource {
  // `at` in seconds of the context, `velocity` 1 to 127.
  play(track: Track, pitch: number, velocity: number, seconds: number, at: number): void;
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

let current: Promise<SoundSource> | null = null;
let resting: ReturnType<typeof setTimeout> | undefined;

// Makes the sound at the first use, and wakes the context, which rests while nothing plays.
export async function liveSound(): Promise<SoundSource> {
  clearTimeout(resting);
  if (current === null) {
    // A context of the browser's own takes the worklet from our origin, as the content policy wants; Tone's would make
    // a blob of it.
    Tone.setContext(new AudioContext({ latencyHint: 'interactive' }));
    current = FontVoices.open().catch(async (error: unknown) => {
      tellOfFallback(error);
      const voices = new Voices();
      await voices.ready;
      return voices;
    });
  }
  await Tone.getContext().resume();
  return current;
}

const RINGS_ON_MS = 8000;

// The audio thread costs processor time in silence too.
export function restSound(): void {
  clearTimeout(resting);
  resting = setTimeout(() => {
    const { rawContext } = Tone.getContext();
    if ('suspend' in rawContext) void rawContext.suspend(0);
  }, RINGS_ON_MS);
}
