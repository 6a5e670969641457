// What plays a note where the sound font cannot be had: a synthesiser of Tone.js for each General MIDI family, and
// drums. Works in the context that is current when it is made, so the same voices sound live and in a rendered file.
import * as Tone from 'tone';
import { isDrums, type Track } from '../../core/music/model.ts';
import type { SoundSource } from './sound.ts';

type Wave = { type: 'custom'; partials: number[] } | { type: 'triangle' | 'sine' | 'square' | 'sawtooth' };

interface Sound {
  readonly wave: Wave;
  readonly envelope: readonly [attack: number, decay: number, sustain: number, release: number]; // seconds, level
  readonly cutoff: number; // Hz
  readonly gain: number; // dB
  // Frequency modulation gives struck and blown things their edge.
  readonly fm?: { readonly ratio: number; readonly index: number; readonly decay: number };
}

const partials = (...amplitudes: number[]): Wave => ({ type: 'custom', partials: amplitudes });

// In the order of General MIDI's families.
const sounds: readonly Sound[] = [
  {
    wave: partials(1, 0.45, 0.25, 0.12, 0.08, 0.04),
    envelope: [0.004, 1.6, 0, 0.35],
    cutoff: 4200,
    gain: -9,
  },
  {
    wave: partials(1),
    envelope: [0.002, 1.1, 0, 0.6],
    cutoff: 9000,
    gain: -11,
    fm: { ratio: 3.5, index: 4, decay: 0.4 },
  },
  {
    wave: partials(1, 0.8, 0.6, 0.4, 0, 0.3, 0, 0.25),
    envelope: [0.015, 0.1, 0.9, 0.08],
    cutoff: 5000,
    gain: -17,
  },
  { wave: partials(1, 0.6, 0.45, 0.25, 0.2, 0.1), envelope: [0.004, 0.9, 0.05, 0.2], cutoff: 3200, gain: -9 },
  { wave: partials(1, 0.5, 0.2, 0.1), envelope: [0.008, 0.7, 0.35, 0.12], cutoff: 900, gain: -5 },
  { wave: { type: 'sawtooth' }, envelope: [0.09, 0.3, 0.85, 0.3], cutoff: 2400, gain: -19 },
  { wave: { type: 'sawtooth' }, envelope: [0.16, 0.4, 0.85, 0.5], cutoff: 1900, gain: -19 },
  { wave: { type: 'sawtooth' }, envelope: [0.04, 0.2, 0.8, 0.14], cutoff: 2800, gain: -18 },
  {
    wave: partials(1, 0.15, 0.55, 0.1, 0.3, 0.06, 0.15),
    envelope: [0.03, 0.2, 0.85, 0.12],
    cutoff: 3400,
    gain: -13,
  },
  { wave: partials(1, 0.25, 0.08), envelope: [0.05, 0.15, 0.9, 0.15], cutoff: 4500, gain: -10 },
  { wave: { type: 'square' }, envelope: [0.008, 0.2, 0.75, 0.12], cutoff: 3600, gain: -21 },
  { wave: partials(1, 0.4, 0.3, 0.2, 0.15), envelope: [0.5, 0.8, 0.8, 1.2], cutoff: 1600, gain: -14 },
  {
    wave: partials(1),
    envelope: [0.2, 1.5, 0.4, 1.4],
    cutoff: 5000,
    gain: -14,
    fm: { ratio: 2.01, index: 3, decay: 1.5 },
  },
  { wave: partials(1, 0.7, 0.5, 0.4, 0.3, 0.2), envelope: [0.003, 0.6, 0.04, 0.25], cutoff: 5000, gain: -11 },
  {
    wave: partials(1),
    envelope: [0.001, 0.45, 0, 0.3],
    cutoff: 7000,
    gain: -9,
    fm: { ratio: 1.47, index: 6, decay: 0.2 },
  },
  {
    wave: partials(1, 0.3),
    envelope: [0.1, 0.8, 0.3, 0.8],
    cutoff: 2500,
    gain: -14,
    fm: { ratio: 0.5, index: 8, decay: 0.8 },
  },
];

// An instrument: plays at a time of the context, silences what still sounds.
interface Instrument {
  play(pitch: number, seconds: number, at: number, velocity: number): void; // velocity 0 to 1
  silence(): void;
  dispose(): void;
}

const hertz = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12);
const POLYPHONY = 48;

function melodic(program: number, output: Tone.ToneAudioNode): Instrument {
  const sound = sounds[Math.floor(program / 8)];
  if (sound === undefined) throw new RangeError(`there is no program ${program}`);
  const [attack, decay, sustain, release] = sound.envelope;
  const envelope = { attack, decay, sustain, release };
  const filter = new Tone.Filter({ type: 'lowpass', frequency: sound.cutoff, Q: 0.4 }).connect(output);
  const { fm } = sound;
  const synth =
    fm === undefined
      ? new Tone.PolySynth(Tone.Synth, { oscillator: sound.wave as { type: 'triangle' }, envelope })
      : new Tone.PolySynth(Tone.FMSynth, {
          harmonicity: fm.ratio,
          modulationIndex: fm.index,
          envelope,
          modulationEnvelope: { attack: 0.001, decay: fm.decay, sustain: 0.1, release: 0.2 },
        });
  synth.maxPolyphony = POLYPHONY;
  synth.volume.value = sound.gain;
  synth.connect(filter);
  return {
    play: (pitch, seconds, at, velocity) => synth.triggerAttackRelease(hertz(pitch), seconds, at, velocity),
    silence: () => synth.releaseAll(),
    dispose: () => {
      synth.dispose();
      filter.dispose();
    },
  };
}

interface Hit {
  readonly noise: number; // seconds of noise, 0 for none
  readonly band: number; // Hz, of the noise
  readonly tone: number; // Hz, 0 for none
  readonly fall: number; // octaves that the tone falls
  readonly length: number; // seconds of the tone
  readonly gain: number;
}

const hit = (given: Partial<Hit>): Hit => ({
  noise: 0,
  band: 5000,
  tone: 0,
  fall: 1,
  length: 0.2,
  gain: 1,
  ...given,
});

function hitOf(pitch: number): Hit {
  switch (pitch) {
    case 35:
    case 36:
      return hit({ tone: 48, fall: 2.4, length: 0.38, gain: 1.2 });
    case 38:
    case 40:
      return hit({ noise: 0.2, band: 2400, tone: 185, fall: 0.6, length: 0.13, gain: 0.85 });
    case 39:
      return hit({ noise: 0.16, band: 1500 });
    case 42:
    case 44:
      return hit({ noise: 0.055, band: 9000, gain: 0.6 });
    case 46:
      return hit({ noise: 0.38, band: 8500, gain: 0.55 });
    case 49:
    case 52:
    case 55:
    case 57:
      return hit({ noise: 1.3, band: 6500, gain: 0.6 });
    case 51:
    case 53:
    case 59:
      return hit({ noise: 0.5, band: 10000, tone: 820, fall: 0.02, length: 0.3, gain: 0.35 });
    case 54:
    case 69:
    case 70:
      return hit({ noise: 0.08, band: 7000, gain: 0.5 });
    default:
      // Toms, congas, bongos, blocks: by their key, from low to high.
      return hit({
        tone: 70 * 2 ** ((pitch - 41) / 12),
        fall: pitch < 60 ? 0.9 : 0.3,
        length: pitch < 60 ? 0.32 : 0.12,
      });
  }
}

// Each hit is a few nodes that go when it has sounded: drums have no length of their own to wait for.
function drums(output: Tone.ToneAudioNode): Instrument {
  const context = Tone.getContext();
  const input = context.createGain();
  Tone.connect(input, output);
  const samples = Math.round(context.sampleRate * 1.5);
  const buffer = context.createBuffer(1, samples, context.sampleRate);
  const data = buffer.getChannelData(0);
  let state = 22222; // the same noise each time, so that a rendered file is the same each time
  for (let i = 0; i < samples; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    data[i] = state / 0x3fffffff - 1;
  }
  const decay = (at: number, level: number, seconds: number): GainNode => {
    const gain = context.createGain();
    gain.gain.setValueAtTime(level, at);
    gain.gain.exponentialRampToValueAtTime(0.0005, at + seconds);
    gain.connect(input);
    return gain;
  };
  return {
    play: (pitch, _, at, velocity) => {
      const { noise, band, tone, fall, length, gain } = hitOf(pitch);
      const level = velocity * velocity * gain * 0.7;
      if (noise > 0) {
        const source = context.createBufferSource();
        source.buffer = buffer;
        const filter = context.createBiquadFilter();
        filter.type = band > 6000 ? 'highpass' : 'bandpass';
        filter.frequency.value = band;
        filter.Q.value = 0.7;
        source.connect(filter);
        filter.connect(decay(at, level, noise));
        source.start(at);
        source.stop(at + noise);
      }
      if (tone > 0) {
        const oscillator = context.createOscillator();
        oscillator.frequency.setValueAtTime(tone * 2 ** fall, at);
        oscillator.frequency.exponentialRampToValueAtTime(tone, at + Math.min(0.08, length));
        oscillator.connect(decay(at, level, length));
        oscillator.start(at);
        oscillator.stop(at + length);
      }
    },
    silence: () => {
      input.gain.cancelScheduledValues(0);
    },
    dispose: () => input.disconnect(),
  };
}

interface Strip {
  readonly kind: string;
  readonly instrument: Instrument;
  readonly channel: Tone.Channel;
}

const decibels = (volume: number): number => (volume === 0 ? -Infinity : 40 * Math.log10(volume / 127));

export class Voices implements SoundSource {
  readonly #strips = new Map<string, Strip>();
  readonly #limiter = new Tone.Limiter(-2).toDestination();
  readonly #room = new Tone.Reverb({ decay: 1.6, preDelay: 0.012, wet: 0.16 }).connect(this.#limiter);
  readonly #click = drums(this.#limiter);

  // Resolves when the room's echo has been computed.
  readonly ready: Promise<void> = this.#room.ready;

  #strip(track: Track): Strip {
    const kind = isDrums(track) ? 'drums' : String(Math.floor(track.program / 8));
    const known = this.#strips.get(track.id);
    if (known?.kind === kind) return known;
    known?.instrument.dispose();
    const channel = known?.channel ?? new Tone.Channel().connect(this.#room);
    const instrument = isDrums(track) ? drums(channel) : melodic(track.program, channel);
    const strip = { kind, instrument, channel };
    this.#strips.set(track.id, strip);
    return strip;
  }

  prepare(): Promise<void> {
    return this.ready;
  }

  play(track: Track, pitch: number, velocity: number, seconds: number, at: number): void {
    const { instrument, channel } = this.#strip(track);
    channel.volume.value = decibels(track.volume);
    channel.pan.value = (track.pan - 64) / 64;
    instrument.play(pitch, Math.max(0.02, seconds), at, velocity / 127);
  }

  click(at: number, strong: boolean): void {
    this.#click.play(strong ? 77 : 76, 0, at, strong ? 0.9 : 0.5);
  }

  silence(): void {
    for (const { instrument } of this.#strips.values()) instrument.silence();
  }
}
