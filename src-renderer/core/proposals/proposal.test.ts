import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type StudioAction, studioActions } from '../../../src-preload/contract/actions.ts';
import { setLayer } from '../canvas/actions.ts';
import { canvasDocument } from '../canvas/model.ts';
import { parseChords } from '../../../src-preload/contract/answers/chords.ts';
import { musicDocument } from '../music/model.ts';
import { emptyDocument, on } from '../document.ts';
import { beginHistory, perform, redo, undo } from '../history.ts';
import { ghostOf } from './ghost.ts';
import { canvasOffers, propose, rollOffers, sceneActions } from './proposal.ts';
import { chordActions, seedActions } from './roll.ts';
import { describeActions, offersOf, onlyOffered } from './vocabulary.ts';

const hand = { layer: null, ink: '#17181b' };
const sun: StudioAction = {
  action: 'add-shape',
  shape: { shape: 'ellipse', x: 500, y: 250, width: 500, height: 250, colour: '#ff0000' },
};
const prompt: StudioAction = { action: 'set-prompt', prompt: 'a sun', negative: 'rain' };

describe('a proposal', () => {
  it('is one step, whose undoing leaves the document as it was', () => {
    const start = beginHistory(emptyDocument());
    const { step, effects } = propose(
      'p',
      [sun, prompt, { action: 'paint', steps: 9, count: 2 }],
      start.present,
      hand,
    );
    const taken = perform(start, step);
    expect(taken.past).toHaveLength(1);
    expect(taken.present.canvas.form).toMatchObject({
      prompt: 'a sun',
      negative: 'rain',
      steps: 9,
      count: 2,
    });
    expect(effects).toEqual([{ name: 'paint' }]);
    expect(undo(taken).present).toBe(start.present);
    expect(redo(undo(taken)).present).toBe(taken.present);
  });
  it('draws outlines where the layer steers, in pixels of the painted area', () => {
    const document = emptyDocument();
    const { canvas } = propose('p', [sun], document, hand).step.apply(document);
    const [item] = canvas.layers.find(({ kind }) => kind === 'scribble')?.items ?? [];
    expect(item).toMatchObject({ type: 'ellipse', x: 64, y: 32, width: 128, height: 64, filled: false });
    expect(item).toMatchObject({ colour: '#17181b' });
  });
  it('draws filled and in colour where the layer is paint', () => {
    const document = emptyDocument();
    const paint = document.canvas.layers.find(({ kind }) => kind === 'paint');
    const { canvas } = propose('p', [sun], document, { ...hand, layer: paint?.id ?? '' }).step.apply(
      document,
    );
    expect(canvas.layers[0]?.items[0]).toMatchObject({ filled: true, colour: '#ff0000' });
  });
  it('adds a layer where every one is locked, and draws the same again and again', () => {
    const base = emptyDocument();
    const locks = base.canvas.layers.map(({ id }) => on('canvas', setLayer(id, { locked: true })));
    const locked = locks.reduce((now, action) => action.apply(now), base);
    const once = propose('p', [sun], locked, hand).step.apply(locked);
    expect(once.canvas.layers).toHaveLength(3);
    expect(propose('p', [sun], locked, hand).step.apply(locked)).toEqual(once);
  });
  it('says what cannot be done', () => {
    const { leftOut, effects } = propose('p', [{ action: 'undo' }, sun], emptyDocument(), hand);
    expect(effects).toEqual([]);
    expect(leftOut).toEqual(['“undo” only goes alone']);
    const roll = propose(
      'p',
      [
        { action: 'add-notes', track: 5, notes: [{ at: 0, length: 1, pitch: 60, velocity: 1 }] },
        { action: 'transpose', semitones: 2 },
      ],
      emptyDocument(),
      hand,
    );
    expect(roll.leftOut).toEqual(['there is no track 5', 'there are no notes to transpose']);
  });
  it('lets a scene be drawn and worded at once', () => {
    const figure = {
      joints: [
        { joint: 'nose' as const, x: 500, y: 100 },
        { joint: 'neck' as const, x: 500, y: 200 },
      ],
    };
    const actions = sceneActions({ prompt: 'x', negative: '', shapes: [], strokes: [], figures: [figure] });
    const document = emptyDocument();
    const next = propose('p', actions, document, hand).step.apply(document);
    expect(ghostOf(document.canvas, next.canvas).added[0]?.items).toHaveLength(1);
    expect(next.canvas.form.prompt).toBe('x');
  });
});

describe('a proposal for the roll', () => {
  const tune: StudioAction[] = [
    { action: 'set-tempo', tempo: 90 },
    {
      action: 'add-track',
      instrument: 73,
      drums: false,
      notes: [
        { at: 4, length: 2, pitch: 64, velocity: 90 },
        { at: 0, length: 4, pitch: 60, velocity: 80 },
      ],
    },
    { action: 'add-notes', track: 1, notes: [{ at: 8, length: 1, pitch: 67, velocity: 70 }] },
    { action: 'transpose', semitones: 2 },
  ];
  it('is one step on the music alone, with notes in their order', () => {
    const start = beginHistory(emptyDocument());
    const { step, leftOut } = propose('p', tune, start.present, hand);
    const taken = perform(start, step);
    const { music, canvas } = taken.present;
    expect(leftOut).toEqual([]);
    expect(canvas).toBe(start.present.canvas);
    expect(music.tempos[0]?.bpm).toBe(90);
    expect(music.tracks).toHaveLength(1);
    expect(music.tracks[0]).toMatchObject({ program: 73 });
    expect(music.tracks[0]?.notes.map(({ tick, duration, pitch }) => [tick, duration, pitch])).toEqual([
      [0, 480, 62],
      [480, 240, 66],
      [960, 120, 69],
    ]);
    expect(musicDocument.safeParse(music).success).toBe(true);
    expect(undo(taken).present).toBe(start.present);
    expect(step.apply(start.present)).toEqual(taken.present);
  });
  it('lets the composer begin once it is taken', () => {
    const { effects } = propose('p', [{ action: 'compose', events: 64 }], emptyDocument(), hand);
    expect(effects).toEqual([{ name: 'compose', events: 64 }]);
  });
  it('makes notes of chords and of the beginning of a piece', () => {
    const sheet = parseChords('Key: C major\nTempo: 100\n| C | Am F |\n');
    const document = emptyDocument();
    const { music } = propose('p', chordActions(sheet), document, hand).step.apply(document);
    expect(music.tempos[0]?.bpm).toBe(100);
    const ticks = music.tracks[0]?.notes.map(({ tick }) => Number(tick));
    expect([...new Set(ticks)]).toEqual([0, 1920, 2880]);
    const note = { at: 0, length: 4, pitch: 40, velocity: 90 };
    const piece = seedActions({
      tempo: 80,
      key: 'C major',
      beats: 4,
      tracks: [
        { instrument: 32, drums: false, notes: [note] },
        { instrument: 0, drums: true, notes: [{ ...note, pitch: 36 }] },
      ],
    });
    const made = propose('q', piece, document, hand).step.apply(document).music;
    expect(made.tracks.map(({ program, channel }) => [program, channel])).toEqual([
      [32, 0],
      [0, 9],
    ]);
  });
});

describe('a ghost', () => {
  it('shows what is emptied and where the painted area goes', () => {
    const start = emptyDocument();
    const drawn = propose('a', [sun], start, hand).step.apply(start);
    const actions: StudioAction[] = [{ action: 'clear-canvas' }, { action: 'set-size', width: 8, height: 4 }];
    const ghost = ghostOf(drawn.canvas, propose('b', actions, drawn, hand).step.apply(drawn).canvas);
    expect(ghost.removed).toEqual([{ x: 60, y: 28, width: 136, height: 72 }]);
    expect(ghost.box).toMatchObject({ width: 512, height: 256 });
    expect(ghost.added).toEqual([]);
  });
});

describe('the vocabulary', () => {
  const text = readFileSync('resources/grammars/studio-actions.json', 'utf8');
  it('offers only what the panes that are seen can carry out', () => {
    const canvas = onlyOffered(text, offersOf({ canvas: true, roll: false }));
    for (const name of [...canvasOffers, 'undo']) expect(canvas).toContain(`"const":"${name}"`);
    expect(canvas).not.toContain('add-track');
    const roll = onlyOffered(text, offersOf({ canvas: false, roll: true }));
    for (const name of rollOffers) expect(roll).toContain(`"const":"${name}"`);
    expect(roll).not.toContain('add-shape');
    const both = offersOf({ canvas: true, roll: true });
    expect(describeActions(both).split('\n')).toHaveLength(both.length + 2);
  });
});

// Whatever a model says within the grammar leaves a document that can be saved, and can be taken back.
it('any proposal keeps the document whole', () => {
  const whole = (min: number, max: number) => fc.integer({ min, max });
  const across = whole(0, 1000);
  const colour = fc.constantFrom('#000000', '#a1b2c3');
  const point = fc.record({ x: across, y: across });
  const played = fc.record({
    at: whole(0, 1023),
    length: whole(1, 64),
    pitch: whole(0, 127),
    velocity: whole(1, 127),
  });
  const action: fc.Arbitrary<StudioAction> = fc.oneof(
    fc.record({
      action: fc.constant('add-shape' as const),
      shape: fc.oneof(
        fc.record({
          shape: fc.constantFrom('rectangle' as const, 'ellipse' as const),
          x: across,
          y: across,
          width: whole(1, 1000),
          height: whole(1, 1000),
          colour,
        }),
        fc.record({
          shape: fc.constant('polygon' as const),
          colour,
          points: fc.array(point, { minLength: 3, maxLength: 12 }),
        }),
      ),
    }),
    fc.record({
      action: fc.constant('add-stroke' as const),
      stroke: fc.record({
        colour,
        width: whole(1, 100),
        points: fc.array(point, { minLength: 2, maxLength: 9 }),
      }),
    }),
    fc.record({
      action: fc.constant('erase-area' as const),
      x: across,
      y: across,
      width: whole(1, 1000),
      height: whole(1, 1000),
    }),
    fc.constant({ action: 'clear-canvas' as const }),
    fc.record({ action: fc.constant('set-size' as const), width: whole(1, 16), height: whole(1, 16) }),
    fc.record({ action: fc.constant('paint' as const), steps: whole(1, 60), count: whole(1, 8) }),
    fc.record({ action: fc.constant('set-tempo' as const), tempo: whole(30, 300) }),
    fc.record({ action: fc.constant('transpose' as const), semitones: whole(-24, 24) }),
    fc.record({
      action: fc.constant('add-track' as const),
      instrument: whole(0, 127),
      drums: fc.boolean(),
      notes: fc.array(played, { minLength: 1, maxLength: 32 }),
    }),
    fc.record({
      action: fc.constant('add-notes' as const),
      track: whole(1, 16),
      notes: fc.array(played, { minLength: 1, maxLength: 32 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 6 }), (actions) => {
      expect(studioActions.safeParse({ say: 'x', actions }).success).toBe(true);
      const start = beginHistory(emptyDocument());
      const taken = perform(start, propose('p', actions, start.present, hand).step);
      expect(canvasDocument.safeParse(taken.present.canvas).success).toBe(true);
      expect(musicDocument.safeParse(taken.present.music).success).toBe(true);
      expect(undo(taken).present).toBe(start.present);
    }),
    { numRuns: 100 },
  );
});
