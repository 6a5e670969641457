// The canvas's document: layers of marks and pictures, the box that is painted, and what is asked for in it. All
// lengths are pixels of the document; y grows downwards.
import { z } from 'zod';
import { MAX_SEED } from '../../../src-preload/contract/jobs.ts';
import { newId } from '../ids.ts';
import { pose } from './pose.ts';

const id = z.string().min(1);
const finite = z.number();
const colour = z.string().regex(/^#[0-9a-f]{6}$/);
const atop = z.literal(true).optional(); // only where the layer is painted already

// x, y and pressure (0 to 1) of each sample, one after the other.
export const stroke = z.object({
  type: z.literal('stroke'),
  id,
  samples: z.array(finite),
  size: z.number().positive(), // diameter at full pressure
  colour,
  erase: z.boolean(),
  atop,
});

export const shape = z.object({
  type: z.enum(['rectangle', 'ellipse']),
  id,
  x: finite,
  y: finite,
  width: z.number().nonnegative(),
  height: z.number().nonnegative(),
  size: z.number().positive(), // of the outline
  filled: z.boolean(),
  colour,
  erase: z.boolean(),
  atop,
});

// A closed area that was drawn freehand.
export const area = z.object({
  type: z.literal('area'),
  id,
  points: z.array(finite), // x, y
  colour,
  erase: z.boolean(),
  atop,
});

// A picture placed on the layer; `asset` is the SHA-256 of its file.
export const placed = z.object({
  type: z.literal('picture'),
  id,
  asset: z.string().regex(/^[0-9a-f]{64}$/),
  x: finite,
  y: finite,
  width: z.number().positive(),
  height: z.number().positive(),
  // White lines on black, as a ControlNet sees them, or a drawing of which nobody knows whether it is dark on light; both
  // are drawn in the layer's ink. Absent: a picture as it is.
  as: z.enum(['lines', 'drawing']).optional(),
});

export const item = z.union([stroke, shape, area, placed, pose]);
export type Stroke = z.infer<typeof stroke>;
export type Shape = z.infer<typeof shape>;
export type Area = z.infer<typeof area>;
export type Placed = z.infer<typeof placed>;
export type Item = z.infer<typeof item>;

// `paint` layers are the picture; the others steer how it is painted.
export const layerKind = z.enum(['paint', 'scribble', 'canny', 'pose', 'depth', 'mask']);
export type LayerKind = z.infer<typeof layerKind>;

export const layer = z.object({
  id,
  kind: layerKind,
  name: z.string().max(200),
  visible: z.boolean(),
  opacity: z.number().min(0).max(1),
  locked: z.boolean(),
  keepsTransparency: z.boolean().optional(), // marks stay where the layer is painted already
  x: finite, // where the layer's own origin lies
  y: finite,
  items: z.array(item),
  // Of a control layer: how strongly it steers, and in which part of the steps.
  strength: z.number().min(0).max(2),
  start: z.number().min(0).max(1),
  end: z.number().min(0).max(1),
});
export type Layer = z.infer<typeof layer>;

export const box = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().min(64).max(2048).multipleOf(8),
  height: z.number().int().min(64).max(2048).multipleOf(8),
});
export type Box = z.infer<typeof box>;

export const paintForm = z.object({
  prompt: z.string(),
  negative: z.string(),
  model: z.string().nullable(),
  steps: z.number().int().min(1).max(150),
  cfg: z.number().min(1).max(30),
  sampler: z.string(),
  schedule: z.string(),
  seed: z.number().int().min(0).max(MAX_SEED).nullable(), // null: another one each time
  count: z.number().int().min(1).max(16),
  fromCanvas: z.boolean(), // start from what is on the canvas, in place of from nothing
  strength: z.number().min(0).max(1), // how much of that is repainted
});
export type PaintForm = z.infer<typeof paintForm>;

export const canvasDocument = z.object({
  layers: z.array(layer), // from the bottom up
  box,
  form: paintForm,
});
export type CanvasDocument = z.infer<typeof canvasDocument>;

export const isControl = (kind: LayerKind): kind is Exclude<LayerKind, 'paint' | 'mask'> =>
  kind !== 'paint' && kind !== 'mask';

const kindNames: Record<LayerKind, string> = {
  paint: 'Paint',
  scribble: 'Scribble',
  canny: 'Edges',
  pose: 'Pose',
  depth: 'Depth',
  mask: 'Inpaint mask',
};

// "Paint", then "Paint 2": the first name that is free.
export function freeName(kind: LayerKind, layers: readonly Layer[]): string {
  const names = new Set(layers.map(({ name }) => name));
  for (let n = 1; ; n++) {
    const name = n === 1 ? kindNames[kind] : `${kindNames[kind]} ${n}`;
    if (!names.has(name)) return name;
  }
}

export function newLayer(kind: LayerKind, layers: readonly Layer[]): Layer {
  return {
    id: newId(),
    kind,
    name: freeName(kind, layers),
    visible: true,
    opacity: kind === 'mask' ? 0.55 : 1,
    locked: false,
    x: 0,
    y: 0,
    items: [],
    strength: 1,
    start: 0,
    end: 1,
  };
}

export const DEFAULT_SIDE = 256;

export function emptyCanvas(): CanvasDocument {
  const paint = newLayer('paint', []);
  return {
    layers: [paint, newLayer('scribble', [paint])],
    box: { x: 0, y: 0, width: DEFAULT_SIDE, height: DEFAULT_SIDE },
    form: {
      prompt: '',
      negative: '',
      model: null,
      steps: 20,
      cfg: 7.5,
      sampler: 'euler',
      schedule: 'normal',
      seed: null,
      count: 1,
      fromCanvas: false,
      strength: 0.75,
    },
  };
}
