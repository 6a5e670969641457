import fc from 'fast-check';
import { writeMidi } from 'midi-file';
import { describe, expect, it } from 'vitest';
import { copiesOf, moveNotes, quantise, repeatOf, resizeNotes, setTempo } from './actions.ts';
import { fitNotes, pitchAtY, ticksAtX, within, xOf, yOf, zoomPitch, zoomTime } from './coordinates.ts';
import { readMidi, writeMusic } from './file.ts';
import { inScale, instruments, pitchName } from './gm.ts';
import {
  asTick,
  audibleTracks,
  byTime,
  emptyMusic,
  type MusicDocument,
  newTrack,
  type Note,
} from './model.ts';
import { beatsBetween, positionText, secondsAt, ticksAt } from './time.ts';

const note = (tick: number, pitch: number, duration = 240, velocity = 90): Note => ({
  id: `${tick}-${pitch}`,
  tick: asTick(tick),
  duration,
  pitch,
  velocity,
});
const withNotes = (...notes: Note[]): MusicDocument => ({ ...emptyMusic(), tracks: [newTrack({ notes })] });
const trackId = (music: MusicDocument): string => music.tracks[0]?.id ?? '';
const notesOf = (music: MusicDocument): readonly Note[] => music.tracks[0]?.notes ?? [];
const all = (music: MusicDocument): Set<string> => new Set(notesOf(music).map(({ id }) => id));

describe('time', () => {
  const tempos = [
    { tick: asTick(0), bpm: 120 },
    { tick: asTick(960), bpm: 60 },
    { tick: asTick(1440), bpm: 240 },
  ];
  it('turns ticks into seconds across changes of tempo', () => {
    expect([0, 480, 960, 1440, 1920].map((at) => secondsAt(tempos, at))).toEqual([0, 0.5, 1, 2, 2.25]);
  });
  it('turns seconds back into ticks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100000 }), (at) => {
        expect(ticksAt(tempos, secondsAt(tempos, at))).toBeCloseTo(at, 5);
      }),
    );
  });
  it('counts bars and beats across changes of metre', () => {
    const meters = [
      { tick: asTick(0), beats: 3, unit: 4 as const },
      { tick: asTick(2880), beats: 6, unit: 8 as const },
    ];
    expect(positionText(meters, 0)).toBe('1.1.000');
    expect(positionText(meters, 1440 + 480 + 7)).toBe('2.2.007');
    expect(positionText(meters, 2880 + 240 * 7)).toBe('4.2.000');
    const bars = beatsBetween(meters, 0, 5000).filter(({ beat }) => beat === 1);
    expect(bars.map(({ tick, bar }) => [tick, bar])).toEqual([
      [0, 1],
      [1440, 2],
      [2880, 3],
      [4320, 4],
    ]);
  });
});

describe('coordinates', () => {
  const scale = fitNotes([note(0, 40), note(4000, 80)], { width: 800, height: 400 });
  it('are inverse to one another', () => {
    fc.assert(
      fc.property(fc.nat(10000), fc.nat(127), (tick, pitch) => {
        expect(ticksAtX(scale, xOf(scale, tick))).toBeCloseTo(tick);
        expect(pitchAtY(scale, yOf(scale, pitch) + scale.row / 2)).toBe(pitch);
      }),
    );
  });
  it('zoom around a time that stays', () => {
    const zoomed = zoomTime({ ...scale, left: 500 }, 300, 1.7);
    expect(ticksAtX(zoomed, 300)).toBeCloseTo(ticksAtX({ ...scale, left: 500 }, 300));
  });
  it('stay among the keys that there are', () => {
    expect(within({ ...scale, top: 1e6 }, 400).top).toBe(128 * scale.row - 400);
    expect(zoomPitch(scale, 100, 0.0001, 400).row * 128).toBeGreaterThanOrEqual(400);
  });
});

describe('actions', () => {
  it('move together, and stop at the edges together', () => {
    const music = withNotes(note(100, 2), note(300, 60));
    const moved = notesOf(moveNotes(trackId(music), all(music), -500, -10).apply(music));
    expect(moved.map(({ tick, pitch }) => [tick, pitch])).toEqual([
      [0, 0],
      [200, 58],
    ]);
  });
  it('resize from both edges, never below what is least', () => {
    const music = withNotes(note(480, 60));
    const resized = (edge: 'start' | 'end', by: number): unknown => {
      const [one] = notesOf(resizeNotes(trackId(music), all(music), edge, by, 120).apply(music));
      return [one?.tick, one?.duration];
    };
    expect(resized('end', -1000)).toEqual([480, 120]);
    expect(resized('start', 1000)).toEqual([600, 120]);
    expect(resized('start', -1000)).toEqual([0, 720]);
  });
  it('quantise to the nearest line and keep the order of time', () => {
    const music = withNotes(note(59, 60), note(61, 50));
    expect(notesOf(quantise(trackId(music), all(music), 120).apply(music)).map(({ tick }) => tick)).toEqual([
      0, 120,
    ]);
  });
  it('repeat where the notes end, on the grid', () => {
    expect(repeatOf([note(0, 60), note(480, 62, 250)], 480).map(({ tick }) => tick)).toEqual([960, 1440]);
  });
  it('copy as notes of their own', () => {
    const [copy] = copiesOf([note(0, 60)], 480, 12);
    expect([copy?.tick, copy?.pitch, copy?.id === '0-60']).toEqual([480, 72, false]);
  });
  it('keep the ratio of later tempos', () => {
    const music = { ...emptyMusic(), tempos: [120, 60].map((bpm, i) => ({ tick: asTick(i * 480), bpm })) };
    expect(
      setTempo(100)
        .apply(music)
        .tempos.map(({ bpm }) => bpm),
    ).toEqual([100, 50]);
  });
  it('hear solo tracks alone', () => {
    const tracks = [newTrack({ name: 'a' }), newTrack({ name: 'b', solo: true }), newTrack({ muted: true })];
    expect(audibleTracks({ ...emptyMusic(), tracks }).map(({ name }) => name)).toEqual(['b']);
  });
});

describe('General MIDI', () => {
  it('has 128 instruments', () => {
    expect(instruments).toHaveLength(128);
    expect([instruments[40], instruments[73], instruments[127]]).toEqual(['Violin', 'Flute', 'Gunshot']);
  });
  it('names keys and knows scales', () => {
    expect([60, 61, 21].map(pitchName)).toEqual(['C4', 'C♯4', 'A0']);
    expect([60, 61, 64].map((pitch) => inScale({ root: 9, name: 'Minor' }, pitch))).toEqual([
      true,
      false,
      true,
    ]);
  });
});

const arbitraryNote = fc
  .record({
    tick: fc.integer({ min: 0, max: 20000 }),
    duration: fc.integer({ min: 1, max: 400 }),
    velocity: fc.integer({ min: 1, max: 127 }),
  })
  .map(({ tick, duration, velocity }) => ({ tick: asTick(tick), duration, velocity }));

describe('files', () => {
  it('give back what was written', () => {
    // Equal keys that overlap are told apart by order alone, so each note has a key of its own here.
    fc.assert(
      fc.property(
        fc.array(arbitraryNote, { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 30, max: 300 }),
        (notes, channel, bpm) => {
          const written: MusicDocument = {
            tracks: [
              newTrack({
                name: 'Lead',
                channel,
                program: 5,
                volume: 77,
                pan: 12,
                notes: notes.map((one, i) => ({ ...one, id: `${i}`, pitch: i })).sort(byTime),
                controls: [{ tick: asTick(7), kind: 'controller', number: 64, value: 127 }],
              }),
            ],
            tempos: [{ tick: asTick(0), bpm }],
            meters: [{ tick: asTick(0), beats: 6, unit: 8 }],
            keys: [{ tick: asTick(0), sharps: -3, minor: true }],
          };
          const { music, left } = readMidi(writeMusic(written), 'a.mid');
          const plain = ({ tracks, ...rest }: MusicDocument): unknown => ({
            ...rest,
            tempos: rest.tempos.map((one) => Math.round(one.bpm * 10)),
            tracks: tracks.map((track) => ({
              ...track,
              id: '',
              notes: track.notes.map((one) => ({ ...one, id: '' })),
            })),
          });
          expect(plain(music)).toEqual(plain(written));
          expect(left).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  });
  it('of other resolutions are scaled, and one track a channel is made of a single one', () => {
    const on = (deltaTime: number, channel: number, velocity: number) =>
      ({ deltaTime, type: 'noteOn', channel, noteNumber: 60, velocity }) as const;
    const bytes = writeMidi({
      header: { format: 0, numTracks: 1, ticksPerBeat: 96 },
      tracks: [
        [
          on(0, 0, 80),
          on(48, 9, 80),
          on(48, 0, 0),
          on(0, 9, 0),
          { deltaTime: 0, meta: true, type: 'lyrics', text: 'la' },
          { deltaTime: 0, meta: true, type: 'endOfTrack' },
        ],
      ],
    });
    const { music, left } = readMidi(Uint8Array.from(bytes), 'a.mid');
    expect(music.tracks.map(({ name, notes }) => [name, notes[0]?.tick, notes[0]?.duration])).toEqual([
      ['Grand piano', 0, 480],
      ['Drums', 240, 240],
    ]);
    expect(left).toEqual(['texts and lyrics']);
  });
  it('that are none are refused with what was found', () => {
    expect(() => readMidi(new Uint8Array(), 'x.mid')).toThrow(
      'x.mid: expected a standard MIDI file, found an empty file',
    );
    expect(() => readMidi(Uint8Array.from([1, 2, 3, 4]), 'x.mid')).toThrow('something else');
    const good = writeMusic(withNotes(note(0, 60)));
    expect(() => readMidi(writeMusic(emptyMusic()), 'x.mid')).toThrow('without notes');
    fc.assert(
      fc.property(fc.integer({ min: 4, max: good.length - 1 }), (length) => {
        expect(() => readMidi(good.slice(0, length), 'x.mid')).toThrow('x.mid');
      }),
    );
  });
  it('with tracks of any other length come to an end', () => {
    const good = writeMusic(withNotes(note(0, 60), note(480, 64)));
    const tracks = [...good.keys()].filter((at) => String.fromCharCode(...good.slice(at, at + 4)) === 'MTrk');
    const refused = tracks.flatMap((at) =>
      Array.from({ length: 256 }, (_, length) => {
        try {
          readMidi(good.with(at + 7, length), 'x.mid');
          return '';
        } catch (error) {
          return String(error);
        }
      }).filter((text) => text !== ''),
    );
    expect(refused.length).toBeGreaterThan(200);
    expect(refused.every((text) => text.includes('x.mid'))).toBe(true);
    expect(refused.some((text) => text.includes('it ends within an event'))).toBe(true);
  });
  it('with any byte changed are read or refused, never worse', () => {
    const good = writeMusic(withNotes(note(0, 60), note(480, 64)));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bad = good.with(at, value);
        try {
          readMidi(bad, 'x.mid');
        } catch (error) {
          expect(String(error)).toContain('x.mid');
        }
      }),
      { numRuns: 150 },
    );
  });
});
