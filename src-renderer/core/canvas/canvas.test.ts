import { describe, expect, it } from 'vitest';
import { boundsOf, roomFor } from './bounds.ts';
import { addItem, canMergeDown, mergeDown, translateLayer } from './actions.ts';
import { dragRectangle, fitBox, gridBox, toDocument, toScreen, zoomAt } from './geometry.ts';
import { emptyCanvas, type Item, newLayer } from './model.ts';
import { weightSelection } from './prompt.ts';

const stroke = (x: number, erase = false): Item => ({
  type: 'stroke',
  id: `s${x}`,
  samples: [x, 10, 0.5, x + 20, 30, 1],
  size: 4,
  colour: '#000000',
  erase,
});

describe('geometry', () => {
  it('zooms around a point that stays where it is', () => {
    const view = { x: 13, y: -7, scale: 1.5 };
    const at = { x: 200, y: 100 };
    const zoomed = zoomAt(view, at, 2);
    expect(toScreen(zoomed, toDocument(view, at)).x).toBeCloseTo(at.x);
    expect(zoomed.scale).toBe(3);
  });
  it('fits a box into the middle of the screen', () => {
    const view = fitBox({ x: 100, y: 50, width: 256, height: 128 }, { width: 608, height: 400 }, 48);
    expect(view.scale).toBe(2);
    expect(toScreen(view, { x: 228, y: 114 })).toEqual({ x: 304, y: 200 });
  });
  it('puts boxes on the grid, within what can be painted', () => {
    expect(gridBox(1.4, 2.6, 100, 5)).toEqual({ x: 1, y: 3, width: 104, height: 64 });
    expect(gridBox(0, 0, 9999, 300).width).toBe(2048);
  });
  it('drags rectangles in every direction, square and from the middle', () => {
    const plain = { square: false, centred: false };
    expect(dragRectangle({ x: 10, y: 10 }, { x: 4, y: 30 }, plain)).toEqual({
      x: 4,
      y: 10,
      width: 6,
      height: 20,
    });
    expect(dragRectangle({ x: 0, y: 0 }, { x: -3, y: 8 }, { square: true, centred: true })).toEqual({
      x: -8,
      y: -8,
      width: 16,
      height: 16,
    });
  });
});

describe('layers', () => {
  it('have bounds with room for the brush', () => {
    expect(boundsOf([stroke(0), stroke(40)])).toEqual({ left: -4, top: 6, right: 64, bottom: 34 });
    expect(boundsOf([])).toBeNull();
    expect(roomFor({ left: -4, top: 6, right: 64, bottom: 34 })).toEqual({
      left: -256,
      top: 0,
      right: 256,
      bottom: 256,
    });
  });
  it('merge down only where it looks the same afterwards', () => {
    const canvas = emptyCanvas();
    const [lower, upper] = [newLayer('paint', []), newLayer('paint', [])];
    let both = { ...canvas, layers: [lower, upper] };
    both = addItem(lower.id, stroke(0)).apply(both);
    both = translateLayer(upper.id, 100, 5).apply(addItem(upper.id, stroke(7)).apply(both));
    const merged = mergeDown(upper.id).apply(both);
    expect(merged.layers).toHaveLength(1);
    expect(merged.layers[0]?.items[1]).toMatchObject({ samples: [107, 15, 0.5, 127, 35, 1] });
    expect(canMergeDown(addItem(upper.id, stroke(1, true)).apply(both), upper.id)).toBe(false);
    const atop: Item = { ...(stroke(1) as Extract<Item, { type: 'stroke' }>), atop: true };
    expect(canMergeDown(addItem(upper.id, atop).apply(both), upper.id)).toBe(false);
    expect(canMergeDown(both, lower.id)).toBe(false);
  });
  it('that are locked take nothing', () => {
    const canvas = emptyCanvas();
    const [layer] = canvas.layers;
    const locked = { ...canvas, layers: canvas.layers.map((other) => ({ ...other, locked: true })) };
    expect(addItem(layer?.id ?? '', stroke(1)).apply(locked)).toBe(locked);
  });
});

describe('prompt weights', () => {
  it('weigh the word at the caret, and take the weight away at 1', () => {
    const up = weightSelection('a red hat', 3, 3, 0.1);
    expect(up).toEqual({ text: 'a (red:1.1) hat', start: 3, end: 6 });
    expect(weightSelection(up?.text ?? '', 3, 6, 0.1)?.text).toBe('a (red:1.2) hat');
    expect(weightSelection(up?.text ?? '', 3, 6, -0.1)).toEqual({ text: 'a red hat', start: 2, end: 5 });
  });
  it('weigh nothing where there is no word', () => {
    expect(weightSelection('a  b', 2, 2, 0.1)).toBeNull();
  });
});
