// Proposed actions on the canvas, carried out by the canvas's own. Thousandths become pixels of the painted area here
// and nowhere else. What is drawn goes to the layer that the person draws on: in colour on a paint layer, as outlines
// in its ink on one that steers.
import type { StudioAction } from '../../../src-preload/contract/actions.ts';
import type { Action } from '../history.ts';
import { addItem, addLayer, clearLayer, setBox, setForm } from '../canvas/actions.ts';
import type { Box, CanvasDocument, Item, Layer } from '../canvas/model.ts';
import { newLayer } from '../canvas/model.ts';

type CanvasAction = Action<CanvasDocument>;
type Act<Name extends StudioAction['action']> = Extract<StudioAction, { action: Name }>;

export interface Target {
  layer: Layer; // that is drawn on
  ink: string | null; // replaces colours; null: a paint layer
  missing: boolean; // it has to be added first
}

interface Place {
  id: string; // of what is drawn, without a number
  box: Box;
  target: Target;
}

const OUTLINE = 4; // pixels, of what steers

// The layer to draw on: the chosen one unless it is locked, the topmost scribble otherwise, or a new one.
export function targetOf(canvas: CanvasDocument, chosen: string | null, id: string, ink: string): Target {
  const free = canvas.layers.filter(
    ({ locked, kind }) => !locked && !['mask', 'pose', 'depth'].includes(kind),
  );
  const layer =
    free.find((each) => each.id === chosen) ??
    free.findLast(({ kind }) => kind === 'scribble') ??
    free.at(-1);
  if (layer !== undefined) return { layer, ink: layer.kind === 'paint' ? null : ink, missing: false };
  return { layer: { ...newLayer('scribble', canvas.layers), id }, ink, missing: true };
}

const across = ({ x, width }: Box, thousandths: number): number => x + (thousandths * width) / 1000;
const down = ({ y, height }: Box, thousandths: number): number => y + (thousandths * height) / 1000;

interface Point {
  x: number;
  y: number;
}

// A layer's own pixels: it may have been moved.
const place = ({ box, target: { layer } }: Place, { x, y }: Point): Point => ({
  x: across(box, x) - layer.x,
  y: down(box, y) - layer.y,
});

function line(at: Place, points: readonly Point[], size: number, colour: string, id: string): Item {
  const samples = points.map((point) => place(at, point)).flatMap(({ x, y }) => [x, y, 0.5]);
  return { type: 'stroke', id, samples, size, colour: at.target.ink ?? colour, erase: false };
}

function shapeItem(at: Place, { shape }: Act<'add-shape'>): Item {
  const { ink } = at.target;
  const { id } = at;
  if (shape.shape === 'polygon') {
    const [first] = shape.points;
    if (ink !== null) {
      const closed = first === undefined ? shape.points : [...shape.points, first];
      return line(at, closed, OUTLINE, ink, id);
    }
    const points = shape.points.map((point) => place(at, point)).flatMap(({ x, y }) => [x, y]);
    return { type: 'area', id, points, colour: shape.colour, erase: false };
  }
  const width = (shape.width * at.box.width) / 1000;
  const height = (shape.height * at.box.height) / 1000;
  const corner = place(at, shape);
  const centred = shape.shape === 'ellipse';
  return {
    type: shape.shape,
    id,
    x: centred ? corner.x - width / 2 : corner.x,
    y: centred ? corner.y - height / 2 : corner.y,
    width,
    height,
    size: OUTLINE,
    filled: ink === null,
    colour: ink ?? shape.colour,
    erase: false,
  };
}

// Which joints a body's lines connect.
const bones = [
  ['nose', 'neck'],
  ['neck', 'right-shoulder', 'right-elbow', 'right-wrist'],
  ['neck', 'left-shoulder', 'left-elbow', 'left-wrist'],
  ['neck', 'right-hip', 'right-knee', 'right-ankle'],
  ['neck', 'left-hip', 'left-knee', 'left-ankle'],
  ['nose', 'right-eye', 'right-ear'],
  ['nose', 'left-eye', 'left-ear'],
] as const;

function figureItems(at: Place, { figure }: Act<'add-figure'>): Item[] {
  const joints = new Map(figure.joints.map(({ joint, x, y }) => [joint, { x, y }]));
  const size = Math.max(OUTLINE, at.box.width / 64);
  const lines = bones
    .map((names) => names.flatMap((name) => joints.get(name) ?? []))
    .filter((points) => points.length > 1)
    .map((points, index) => line(at, points, size, '#17181b', `${at.id}-${index}`));
  if (lines.length > 0) return lines;
  // Joints that no line connects are dots.
  return figure.joints.map((joint, index) => line(at, [joint], size, '#17181b', `${at.id}-${index}`));
}

function eraseItem(at: Place, { x, y, width, height }: Act<'erase-area'>): Item {
  return {
    type: 'rectangle',
    id: at.id,
    ...place(at, { x, y }),
    width: (width * at.box.width) / 1000,
    height: (height * at.box.height) / 1000,
    size: 1,
    filled: true,
    colour: '#000000',
    erase: true,
  };
}

// What one action does. Null: it is none of the canvas's.
export function canvasActions(
  action: StudioAction,
  target: Target,
  canvas: CanvasDocument,
  id: string,
): CanvasAction[] | null {
  const at: Place = { id, box: canvas.box, target };
  const draw = (items: readonly Item[]): CanvasAction[] =>
    items.map((item) => addItem(target.layer.id, item));
  switch (action.action) {
    case 'add-shape':
      return draw([shapeItem(at, action)]);
    case 'add-stroke': {
      const { points, width, colour } = action.stroke;
      return draw([line(at, points, Math.max(1, (width * canvas.box.width) / 1000), colour, id)]);
    }
    case 'add-figure':
      return draw(figureItems(at, action));
    case 'erase-area':
      return draw([eraseItem(at, action)]);
    case 'clear-canvas':
      return canvas.layers.map((layer) => clearLayer(layer.id));
    case 'set-prompt':
      return [setForm({ prompt: action.prompt, negative: action.negative })];
    case 'set-size':
      return [setBox({ ...canvas.box, width: action.width * 64, height: action.height * 64 })];
    case 'paint':
      return [setForm({ steps: action.steps, count: action.count })];
    case 'add-track':
    case 'add-notes':
    case 'set-tempo':
    case 'transpose':
    case 'compose':
    case 'undo':
    case 'redo':
      return null;
  }
}

export const addTarget = ({ layer, missing }: Target): CanvasAction[] =>
  missing ? [addLayer(layer, null)] : [];
