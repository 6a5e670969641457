// One gesture of each tool, from pointer down to pointer up, as one undo step. A gesture that is cancelled leaves no
// trace.
import type { Gesture as PointerGesture, Modifiers } from '../app/pointer.ts';
import { performOn } from '../app/document.ts';
import { tell } from '../app/notices.ts';
import { addItem, translateLayer } from '../core/canvas/actions.ts';
import { dragRectangle, type Point, toDocument } from '../core/canvas/geometry.ts';
import type { Item, Layer } from '../core/canvas/model.ts';
import { newId } from '../core/ids.ts';
import { poseGesture } from './pose-gesture.ts';
import { itemDraft, StrokeDraft } from './draft.ts';
import type { CanvasStage } from './stage.ts';
import { inkOf, selectedLayer, setView, type ToolName, useCanvasView } from './view.ts';

export interface Sample extends Point {
  readonly pressure: number; // 0 to 1; a mouse gives a half
}

export type Gesture = PointerGesture<readonly Sample[]>; // on the screen

// A tenth of a pixel is enough, and keeps files small.
const round = (value: number): number => Math.round(value * 10) / 10;

function drawable(erase = false): Layer | null {
  const layer = selectedLayer();
  if (layer === undefined) tell('There is no layer to draw on. Add one in the list of layers.');
  else if (layer.locked) tell(`The layer ${layer.name} is locked.`);
  else if (!layer.visible) tell(`The layer ${layer.name} is hidden.`);
  else if (erase && layer.keepsTransparency === true)
    tell(`The layer ${layer.name} keeps its transparency: nothing is erased from it.`);
  else return layer;
  return null;
}

const atopOf = ({ keepsTransparency }: Layer): { atop?: true } =>
  keepsTransparency === true ? { atop: true } : {};

function strokeGesture(stage: CanvasStage, first: Sample, erase: boolean): Gesture | null {
  const layer = drawable(erase);
  if (layer === null) return null;
  const { size, view } = useCanvasView.getState();
  const style = { size, colour: inkOf(layer), erase, ...atopOf(layer) };
  const samples: number[] = [];
  const add = (sample: Sample): void => {
    const { x, y } = toDocument(view, sample);
    samples.push(round(x - layer.x), round(y - layer.y), Math.round(sample.pressure * 100) / 100);
  };
  add(first);
  const draft = new StrokeDraft(layer.id, samples, style);
  stage.setDraft(draft);
  return {
    move: (more) => {
      more.forEach(add);
      stage.setDraft(draft);
    },
    end: () => {
      performOn('canvas', addItem(layer.id, { type: 'stroke', id: newId(), samples, ...style }));
      stage.setDraft(null);
    },
    cancel: () => stage.setDraft(null),
  };
}

function shapeGesture(
  stage: CanvasStage,
  first: Sample,
  type: 'rectangle' | 'ellipse',
  erase: boolean,
): Gesture | null {
  const layer = drawable(erase);
  if (layer === null) return null;
  const { size, filled, view } = useCanvasView.getState();
  let from = toDocument(view, first);
  let at = from;
  let item: Extract<Item, { type: 'rectangle' | 'ellipse' }> | null = null;
  return {
    move: (samples, { shift, alt, space }) => {
      const last = samples.at(-1);
      if (last === undefined) return;
      const to = toDocument(view, last);
      if (space) from = { x: from.x + to.x - at.x, y: from.y + to.y - at.y }; // the whole of it is moved
      at = to;
      const area = dragRectangle(from, to, { square: shift, centred: alt });
      const placed = { ...area, x: area.x - layer.x, y: area.y - layer.y };
      const made = {
        type,
        id: newId(),
        ...placed,
        size,
        filled,
        colour: inkOf(layer),
        erase,
        ...atopOf(layer),
      };
      item = made;
      stage.setDraft(itemDraft(layer.id, () => made));
    },
    end: () => {
      if (item !== null) performOn('canvas', addItem(layer.id, item));
      stage.setDraft(null);
    },
    cancel: () => stage.setDraft(null),
  };
}

function lassoGesture(stage: CanvasStage, first: Sample, erase: boolean): Gesture | null {
  const layer = drawable(erase);
  if (layer === null) return null;
  const { view } = useCanvasView.getState();
  const points: number[] = [];
  const add = (sample: Sample): void => {
    const { x, y } = toDocument(view, sample);
    points.push(round(x - layer.x), round(y - layer.y));
  };
  add(first);
  let at = toDocument(view, first);
  const item: Item = { type: 'area', id: newId(), points, colour: inkOf(layer), erase, ...atopOf(layer) };
  const draft = itemDraft(layer.id, () => item);
  return {
    move: (samples, { space }) => {
      const last = samples.at(-1);
      if (last === undefined) return;
      const to = toDocument(view, last);
      if (space)
        points.forEach((value, i) => (points[i] = round(value + (i % 2 === 0 ? to.x - at.x : to.y - at.y))));
      else samples.forEach(add);
      at = to;
      stage.setDraft(draft);
    },
    end: () => {
      if (points.length >= 6) performOn('canvas', addItem(layer.id, item));
      stage.setDraft(null);
    },
    cancel: () => stage.setDraft(null),
  };
}

function moveGesture(stage: CanvasStage, first: Sample): Gesture | null {
  const layer = drawable();
  if (layer === null) return null;
  const { scale } = useCanvasView.getState().view;
  let [dx, dy] = [0, 0];
  return {
    move: (samples, { shift }) => {
      const last = samples.at(-1);
      if (last === undefined) return;
      dx = Math.round((last.x - first.x) / scale);
      dy = Math.round((last.y - first.y) / scale);
      if (shift && Math.abs(dx) > Math.abs(dy)) dy = 0;
      else if (shift) dx = 0;
      stage.nudgeLayer(layer.id, dx, dy);
    },
    end: () => {
      stage.nudgeLayer(layer.id, 0, 0);
      performOn('canvas', translateLayer(layer.id, dx, dy));
    },
    cancel: () => stage.nudgeLayer(layer.id, 0, 0),
  };
}

function handGesture(first: Sample): Gesture {
  const { view } = useCanvasView.getState();
  return {
    move: (samples) => {
      const last = samples.at(-1);
      if (last !== undefined)
        setView({ ...view, x: view.x + last.x - first.x, y: view.y + last.y - first.y });
    },
    end: () => undefined,
    cancel: () => setView(view),
  };
}

function pickGesture(stage: CanvasStage, first: Sample): Gesture {
  const pick = (at: Point): void => useCanvasView.setState({ colour: stage.colourAt(at) });
  pick(first);
  return {
    move: (samples) => {
      const last = samples.at(-1);
      if (last !== undefined) pick(last);
    },
    end: () => undefined,
    cancel: () => undefined,
  };
}

// Tools that do to a pose layer what they do to any.
const posing = new Set<ToolName>(['move', 'hand', 'picker', 'box']);

function drawablePose(first: Sample, modifiers: Modifiers, erase: boolean): Gesture | null {
  const layer = drawable();
  return layer === null ? null : poseGesture(layer, first, modifiers, erase);
}

// Null where the tool takes no pointer, or where there is nothing to draw on.
export function beginGesture(
  stage: CanvasStage,
  tool: ToolName,
  first: Sample,
  modifiers: Modifiers,
): Gesture | null {
  const layer = selectedLayer();
  if (layer?.kind === 'pose' && !posing.has(tool)) return drawablePose(first, modifiers, tool === 'eraser');
  switch (tool) {
    case 'brush':
      return strokeGesture(stage, first, false);
    case 'eraser':
      return strokeGesture(stage, first, true);
    case 'rectangle':
    case 'ellipse':
      return shapeGesture(stage, first, tool, modifiers.mod);
    case 'lasso':
      return lassoGesture(stage, first, modifiers.mod);
    case 'move':
      return moveGesture(stage, first);
    case 'hand':
      return handGesture(first);
    case 'picker':
      return pickGesture(stage, first);
    case 'box':
      return null; // the box has handles of its own
  }
}
