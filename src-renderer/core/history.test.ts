import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addItem,
  addLayer,
  clearLayer,
  duplicateLayer,
  mergeDown,
  moveLayer,
  removeLayer,
  setBox,
  setForm,
  setLayer,
  translateLayer,
} from './canvas/actions.ts';
import { gridBox } from './canvas/geometry.ts';
import { canvasDocument, newLayer } from './canvas/model.ts';
import { emptyDocument, on, type StudioDocument } from './document.ts';
import { type Action, beginHistory, MAX_STEPS, perform, redo, seal, together, undo } from './history.ts';

const add = (by: number, merge?: string): Action<number> => ({
  label: `add ${by}`,
  ...(merge === undefined ? {} : { merge }),
  apply: (value) => value + by,
});

describe('history', () => {
  it('makes one step of what is merged, until it is sealed', () => {
    let history = beginHistory(0);
    for (const by of [1, 2, 3]) history = perform(history, add(by, 'slider'));
    expect(history.past).toHaveLength(1);
    history = perform(seal(history), add(4, 'slider'));
    expect([history.present, history.past.length]).toEqual([10, 2]);
    expect(undo(undo(history)).present).toBe(0);
  });
  it('does not merge with a step that was undone and redone', () => {
    const history = perform(redo(undo(perform(beginHistory(0), add(1, 'a')))), add(1, 'a'));
    expect(history.past).toHaveLength(2);
  });
  it('knows no step that changes nothing, and keeps what could be redone then', () => {
    const undone = undo(perform(beginHistory(0), add(1)));
    expect(perform(undone, add(0))).toBe(undone);
    expect(redo(undone).present).toBe(1);
  });
  it('lets the oldest steps go', () => {
    let history = beginHistory(0);
    for (let i = 0; i < MAX_STEPS + 5; i++) history = perform(history, add(1));
    expect(history.past).toHaveLength(MAX_STEPS);
  });
  it('takes several actions as one step', () => {
    const history = perform(beginHistory(0), together('all', [add(1), add(2)]));
    expect([history.present, undo(history).present]).toEqual([3, 0]);
  });
});

// What a random hand does to a document: the numbers pick the layer and the values.
type Move = (document: StudioDocument, pick: number, value: number) => Action<StudioDocument>;
const layerAt = ({ canvas }: StudioDocument, pick: number): string =>
  canvas.layers[pick % Math.max(1, canvas.layers.length)]?.id ?? '';
const moves: Move[] = [
  (document, pick, value) =>
    on(
      'canvas',
      addItem(layerAt(document, pick), {
        type: 'stroke',
        id: `s${value}`,
        samples: [value, value, 0.5, value + 1, value, 0.5],
        size: 1 + (value % 30),
        colour: '#123456',
        erase: value % 3 === 0,
      }),
    ),
  (document, pick) => on('canvas', clearLayer(layerAt(document, pick))),
  (document, pick, value) => {
    const kind = (['paint', 'scribble', 'canny', 'mask'] as const)[value % 4] ?? 'paint';
    return on('canvas', addLayer(newLayer(kind, document.canvas.layers), layerAt(document, pick)));
  },
  (document, pick) => on('canvas', removeLayer(layerAt(document, pick))),
  (document, pick) => on('canvas', duplicateLayer(layerAt(document, pick))),
  (document, pick, value) => on('canvas', moveLayer(layerAt(document, pick), (value % 5) - 2)),
  (document, pick, value) => on('canvas', setLayer(layerAt(document, pick), { opacity: (value % 11) / 10 })),
  (document, pick, value) => on('canvas', setLayer(layerAt(document, pick), { locked: value % 2 === 0 })),
  (document, pick, value) => on('canvas', translateLayer(layerAt(document, pick), (value % 9) - 4, pick % 7)),
  (document, pick) => on('canvas', mergeDown(layerAt(document, pick))),
  (_, pick, value) => on('canvas', setBox(gridBox(pick, value, pick * 3, value * 5))),
  (_, pick, value) => on('canvas', setForm({ prompt: `a ${value}`, steps: 1 + (pick % 60) })),
];

describe('documents', () => {
  it('undo to the start and redo to the end, whatever was done', () => {
    const step = fc.tuple(fc.nat(moves.length - 1), fc.nat(1000), fc.nat(1000), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const start = emptyDocument();
        let history = beginHistory(start);
        for (const [move, pick, value, ends] of steps) {
          const action = moves[move]?.(history.present, pick, value);
          if (action !== undefined) history = perform(history, action);
          if (ends) history = seal(history);
        }
        const end = history.present;
        expect(() => canvasDocument.parse(end.canvas)).not.toThrow();
        let count = 0;
        while (history.past.length > 0) {
          history = undo(history);
          count++;
        }
        expect(history.present).toEqual(start);
        for (; count > 0; count--) history = redo(history);
        expect(history.present).toEqual(end);
        expect(history.future).toHaveLength(0);
      }),
      { numRuns: 200 },
    );
  });
});
