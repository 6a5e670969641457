import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type StudioAction, studioActions } from '../../../src-preload/contract/actions.ts';
import { setLayer } from '../canvas/actions.ts';
import { canvasDocument } from '../canvas/model.ts';
import { emptyDocument, on } from '../document.ts';
import { beginHistory, perform, redo, undo } from '../history.ts';
import { ghostOf } from './ghost.ts';
import { carriedOut, propose, sceneActions } from './proposal.ts';
import { describeActions, onlyCarriedOut } from './vocabulary.ts';

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
    expect(effects).toEqual(['paint']);
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
    const roll = propose('p', [{ action: 'set-tempo', tempo: 90 }], emptyDocument(), hand);
    expect(roll.leftOut).toEqual(['“set-tempo” cannot be carried out here']);
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
  it('offers only what can be carried out', () => {
    const narrow = onlyCarriedOut(text);
    for (const name of carriedOut) expect(narrow).toContain(`"const":"${name}"`);
    expect(narrow).not.toContain('add-track');
    expect(describeActions().split('\n')).toHaveLength(carriedOut.length + 1);
  });
});

// Whatever a model says within the grammar leaves a document that can be saved, and can be taken back.
it('any proposal keeps the document whole', () => {
  const whole = (min: number, max: number) => fc.integer({ min, max });
  const across = whole(0, 1000);
  const colour = fc.constantFrom('#000000', '#a1b2c3');
  const point = fc.record({ x: across, y: across });
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
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 6 }), (actions) => {
      expect(studioActions.safeParse({ say: 'x', actions }).success).toBe(true);
      const start = beginHistory(emptyDocument());
      const taken = perform(start, propose('p', actions, start.present, hand).step);
      expect(canvasDocument.safeParse(taken.present.canvas).success).toBe(true);
      expect(undo(taken).present).toBe(start.present);
    }),
    { numRuns: 100 },
  );
});
