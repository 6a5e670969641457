import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginHistory, perform, undo } from '../history.ts';
import { addNotes } from './actions.ts';
import { addContinuation, continuationOf, latestNotes, newNotes, seedOf } from './continue.ts';
import { readMidi, writeMusic } from './file.ts';
import {
  asTick,
  DRUM_CHANNEL,
  emptyMusic,
  musicDocument,
  type MusicDocument,
  newTrack,
  type Note,
} from './model.ts';
import { barEnd, barStart } from './time.ts';

const note = (tick: number, pitch: number, id = `${tick}-${pitch}`): Note => ({
  id,
  tick: asTick(tick),
  duration: 120,
  pitch,
  velocity: 90,
});
const base: MusicDocument = {
  ...emptyMusic(),
  tracks: [
    newTrack({ name: 'Drums', channel: DRUM_CHANNEL, notes: [note(1920, 36), note(2400, 38)] }),
    newTrack({ name: 'Silent', channel: 3 }),
    newTrack({ name: 'Lead', channel: 5, program: 73, notes: [note(0, 60), note(1920, 62), note(2400, 64)] }),
    newTrack({ name: 'Low', channel: 2, program: 33, notes: [note(1920, 40)] }),
  ],
};
const [drums, , lead, low] = base.tracks;
const through = (music: MusicDocument): MusicDocument => readMidi(writeMusic(music), 'x.mid').music;

describe('a seed', () => {
  it('numbers channels from 0 by track, with drums on theirs, and leaves silent tracks out', () => {
    const seed = seedOf(base, { from: 1920, until: 3840 }, null, { programs: [48], drums: true });
    expect(seed?.music.tracks.map(({ name, channel }) => [name, channel])).toEqual([
      ['Lead', 0],
      ['Low', 1],
      ['String ensemble 1', 2],
      ['Drums', 9],
    ]);
    expect([...(seed?.places ?? [])]).toEqual([
      [9, drums?.id],
      [0, lead?.id],
      [1, low?.id],
    ]);
    expect(seed?.music.tracks[0]?.notes.map(({ tick }) => tick)).toEqual([0, 480]);
  });
  it('holds the chosen notes alone, or is none', () => {
    const seed = seedOf(base, { from: 0, until: 3840 }, new Set(['2400-64']));
    expect(seed?.music.tracks.map(({ notes }) => notes.length)).toEqual([1]);
    expect(seedOf(base, { from: 9600, until: 9700 }, null)).toBeNull();
  });
  it('has the tempo and metre of where it begins', () => {
    const music = {
      ...base,
      tempos: [...base.tempos, { tick: asTick(960), bpm: 90 }, { tick: asTick(2400), bpm: 70 }],
    };
    const seed = seedOf(music, { from: 1920, until: 3840 }, null);
    expect(seed?.music.tempos).toEqual([
      { tick: 0, bpm: 90 },
      { tick: 480, bpm: 70 },
    ]);
  });
  it('begins late where there is much', () => {
    expect(latestNotes(base, { from: 0, until: 9999 }, 2)).toBe(2400);
    expect(latestNotes(base, { from: 0, until: 9999 }, 100)).toBe(0);
  });
});

describe('a continuation', () => {
  const seed = seedOf(base, { from: 1920, until: 3840 }, null);
  if (seed === null) throw new Error('there is a seed');
  const grown = (): MusicDocument => {
    const [first, ...rest] = seed.music.tracks;
    if (first === undefined) throw new Error('it has a track');
    return through({
      ...seed.music,
      tempos: [...seed.music.tempos, { tick: asTick(1920), bpm: 100 }],
      tracks: [
        { ...first, notes: [...first.notes, note(1920, 70), note(9600, 71)] },
        ...rest,
        newTrack({ name: 'New', channel: 4, program: 12, notes: [note(1950, 50)] }),
      ],
    });
  };
  const added = continuationOf(grown(), through(seed.music), seed, 1920 + 3840);

  it('is what was not in the seed, in the tracks that were sent, until its end', () => {
    expect(
      added.parts.map(({ track, notes }) => [track, notes.map(({ tick, pitch }) => [tick, pitch])]),
    ).toEqual([
      [lead?.id, [[3840, 70]]],
      [null, [[3870, 50]]],
    ]);
  });
  it('is one step, with a track for what is new, and its undoing leaves nothing', () => {
    const begun = beginHistory(base);
    const { present, past } = perform(begun, addContinuation(added));
    expect(past).toHaveLength(1);
    expect(present.tracks).toHaveLength(5);
    expect(present.tracks[4]).toMatchObject({ program: 12 });
    expect(new Set(present.tracks.map(({ channel }) => channel)).size).toBe(5);
    expect(present.tempos).toEqual([
      { tick: 0, bpm: 120 },
      { tick: 3840, bpm: 100 },
    ]);
    expect(newNotes(base, present)).toHaveLength(2);
    expect(undo(perform(begun, addContinuation(added))).present).toBe(base);
  });
  it('leaves the tempo alone where music follows', () => {
    const longer = addNotes(lead?.id ?? '', [note(9600, 60)]).apply(base);
    expect(addContinuation(added).apply(longer).tempos).toEqual(base.tempos);
  });
  it('takes the place of empty tracks in a new piece', () => {
    const piece = continuationOf(
      grown(),
      null,
      { from: asTick(0), until: asTick(0), places: new Map() },
      Infinity,
    );
    const { tracks } = addContinuation(piece).apply(emptyMusic());
    expect(tracks).toHaveLength(4);
    expect(tracks.every(({ notes }) => notes.length > 0)).toBe(true);
  });
  it('always leaves a document that can be saved', () => {
    const notes = fc.array(fc.record({ tick: fc.nat(9000), pitch: fc.nat(127), channel: fc.nat(15) }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(notes, notes, fc.nat(5000), (mine, theirs, from) => {
        const tracksOf = (list: typeof mine) =>
          [...new Set(list.map(({ channel }) => channel))].map((channel) =>
            newTrack({
              channel,
              notes: list
                .filter((one) => one.channel === channel)
                .map(({ tick, pitch }, i) => note(tick, pitch, `${channel} ${i}`)),
            }),
          );
        const music = { ...emptyMusic(), tracks: tracksOf(mine) };
        const sent = seedOf(music, { from, until: 9000 }, null);
        const place = sent ?? { from: asTick(from), until: asTick(from), places: new Map<number, string>() };
        const read = sent === null ? null : through(sent.music);
        const more = through({
          ...emptyMusic(),
          tracks: [...(sent?.music.tracks ?? []), ...tracksOf(theirs)],
        });
        const next = addContinuation(continuationOf(more, read, place, 12_000)).apply(music);
        expect(musicDocument.safeParse(next).success).toBe(true);
        for (const track of music.tracks.filter((one) => one.notes.length > 0)) {
          const after = next.tracks.find(({ id }) => id === track.id);
          expect(track.notes.every((one) => after?.notes.includes(one))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});

it('finds where bars begin and end', () => {
  const meters = [
    { tick: asTick(0), beats: 3, unit: 4 as const },
    { tick: asTick(1440), beats: 4, unit: 4 as const },
  ];
  expect([0, 1439, 1440, 3000].map((at) => barStart(meters, at))).toEqual([0, 0, 1440, 1440]);
  expect([0, 1, 1440, 1441, 3360].map((at) => barEnd(meters, at))).toEqual([0, 1440, 1440, 3360, 3360]);
});
