import { describe, expect, it } from 'vitest';
import { EventReader } from './events.ts';

// First tokens of v2: kinds 3, beats 9, sixteenths 137, duration 153, track 2201, channel 2329, pitch 2345, velocity
// 2473, patch 2601, controller 2729, value 2857, bpm 2985, numerator 3369, denominator 3385, sharps 3389, minor 3404.
const note = (beats: number, sixteenths: number): Uint32Array =>
  Uint32Array.of(3, 9 + beats, 137 + sixteenths, 2201 + 2, 2329 + 9, 2345 + 60, 2473 + 100, 153 + 24);
const bos = Uint32Array.of(1, 0, 0, 0, 0, 0, 0, 0);

describe('rows as events', () => {
  it('reads a note, in beats', () => {
    const event = new EventReader('v2', new Uint32Array()).read(note(1, 4));
    expect(event).toEqual({
      type: 'note',
      beat: 1.25,
      track: 2,
      channel: 9,
      pitch: 60,
      velocity: 100,
      duration: 1.5,
    });
  });

  it('goes on where the rows before end', () => {
    const reader = new EventReader('v2', Uint32Array.from([...bos, ...note(3, 8), ...note(0, 12)]));
    expect(reader.read(note(1, 0))?.beat).toBe(4);
    expect(reader.read(note(0, 2))?.beat).toBe(4.125);
  });

  it('reads signatures, tempo, and v1', () => {
    const reader = new EventReader('v2', new Uint32Array());
    const time = reader.read(Uint32Array.of(7, 9, 137, 2201, 3369 + 5, 3385 + 2, 0, 0));
    expect(time).toMatchObject({ type: 'time_signature', numerator: 6, denominator: 8 });
    const tone = reader.read(Uint32Array.of(8, 9, 137, 2201, 3389 + 4, 3404 + 1, 0, 0));
    expect(tone).toMatchObject({ type: 'key_signature', sharps: -3, minor: 1 });
    const tempo = reader.read(Uint32Array.of(6, 9, 137, 2201, 2985 + 120, 0, 0, 0));
    expect(tempo).toEqual({ type: 'set_tempo', beat: 0, track: 0, bpm: 120 });
    // v1 has four kinds and a note's duration in the fourth place.
    const old = new EventReader('v1', new Uint32Array());
    const row = Uint32Array.of(3, 7 + 2, 135, 2199 + 1, 151 + 8, 2327, 2343 + 64, 2471 + 90);
    expect(old.read(row)).toEqual({
      type: 'note',
      beat: 2,
      track: 1,
      duration: 0.5,
      channel: 0,
      pitch: 64,
      velocity: 90,
    });
  });

  it('has no event for rows that are none', () => {
    const reader = new EventReader('v2', new Uint32Array());
    expect(reader.read(bos)).toBeNull();
    expect(reader.read(Uint32Array.of(2, 0, 0, 0, 0, 0, 0, 0))).toBeNull();
  });
});
