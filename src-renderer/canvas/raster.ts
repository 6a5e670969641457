// Draws items on a 2D context, the same way for the screen and for what is handed to the engine.
import { getStroke } from 'perfect-freehand';
import { assetBitmap } from '../app/assets.ts';
import { edgesOf } from './edges.ts';
import { lightOnDark } from '../core/canvas/polarity.ts';
import { drawPose } from './pose-draw.ts';
import type { Item, LayerKind, Placed, Stroke } from '../core/canvas/model.ts';

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

function closed(outline: number[][]): Path2D {
  const path = new Path2D();
  const first = outline[0];
  if (first === undefined) return path;
  path.moveTo(first[0] ?? 0, first[1] ?? 0);
  for (let i = 1; i < outline.length; i++) {
    const [x0 = 0, y0 = 0] = outline[i] ?? [];
    const [x1 = 0, y1 = 0] = outline[(i + 1) % outline.length] ?? [];
    path.quadraticCurveTo(x0, y0, (x0 + x1) / 2, (y0 + y1) / 2);
  }
  path.closePath();
  return path;
}

// What is filled. At a pressure of a half, which a mouse gives, the stroke is as thick as its size says.
export function strokeOutline(samples: readonly number[], size: number, ended = true): Path2D {
  const points: [number, number, number][] = [];
  for (let i = 0; i + 2 < samples.length; i += 3) {
    points.push([samples[i] ?? 0, samples[i + 1] ?? 0, samples[i + 2] ?? 0.5]);
  }
  const [only] = points;
  if (points.length === 1 && only !== undefined) {
    const dot = new Path2D();
    dot.arc(only[0], only[1], (size / 2) * (0.5 + only[2]), 0, 2 * Math.PI);
    return dot;
  }
  return closed(
    getStroke(points, {
      size,
      thinning: 0.5,
      smoothing: 0.5,
      streamline: 0.25,
      simulatePressure: false,
      last: ended,
    }),
  );
}

// How a mark meets what its layer holds.
export const operationOf = ({
  erase,
  atop,
}: {
  erase: boolean;
  atop?: true | undefined;
}): GlobalCompositeOperation => (erase ? 'destination-out' : atop === true ? 'source-atop' : 'source-over');

export const drawStroke = (context: Context, stroke: Stroke): void =>
  context.fill(strokeOutline(stroke.samples, stroke.size));

// A picture on an edges layer shows its edges. White lines are inked by drawing them on a bitmap of their own.
function drawEdges(context: Context, item: Placed, ink: string): void {
  const edges = edgesOf(item);
  if (edges === null) return;
  const inked = new OffscreenCanvas(edges.width, edges.height);
  const drawing = inked.getContext('2d');
  if (drawing === null) throw new Error('there is no 2D context for edges');
  drawing.drawImage(edges, 0, 0);
  drawing.globalCompositeOperation = 'source-in';
  drawing.fillStyle = ink;
  drawing.fillRect(0, 0, edges.width, edges.height);
  context.drawImage(inked, item.x, item.y, item.width, item.height);
}

// As an ink: what the ControlNet is to see, in place of what the canvas shows.
export const HINT = 'hint';

const greyOf = (colour: string): number => Number.parseInt(colour.slice(1, 3), 16);

// Depth on white paper: the nearer, the deeper.
function depthOnPaper(colour: string): string {
  const near = greyOf(colour) / 255;
  return `hsl(248 ${Math.round(30 + 45 * near)}% ${Math.round(90 - 60 * near)}%)`;
}

export const EDGE_INK = '#2f4fd0';
export const MASK_INK = '#e5484d';

// A picture of white lines on black in one ink: as opaque as it is bright. Kept, since the same one is drawn again
// whenever its layer changes.
const kept = new Map<string, OffscreenCanvas>();
const MANY = 8;

function linesOf(asset: string, as: NonNullable<Placed['as']>, ink: string): OffscreenCanvas | null {
  const key = `${asset} ${as} ${ink}`;
  const found = kept.get(key);
  if (found !== undefined) return found;
  const bitmap = assetBitmap(asset);
  if (bitmap === undefined) return null;
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  if (drawing === null) throw new Error('there is no 2D context for lines');
  if (as === 'drawing') {
    drawing.fillStyle = '#ffffff'; // what is transparent is paper
    drawing.fillRect(0, 0, canvas.width, canvas.height);
  }
  drawing.drawImage(bitmap, 0, 0);
  const image = drawing.getImageData(0, 0, canvas.width, canvas.height);
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(ink.slice(at, at + 2), 16)) as [
    number,
    number,
    number,
  ];
  const { data } = image;
  const light = as === 'drawing' ? lightOnDark(data) : data;
  for (let i = 0; i < data.length; i += 4) data.set([r, g, b, light[i] ?? 0], i);
  drawing.putImageData(image, 0, 0);
  const oldest = kept.keys().next();
  if (kept.size >= MANY && oldest.done !== true) kept.delete(oldest.value);
  kept.set(key, canvas);
  return canvas;
}

const lineInk = (kind: LayerKind): string =>
  kind === 'canny' ? EDGE_INK : kind === 'mask' ? MASK_INK : '#17181b';

// `ink` replaces every colour: a control picture is white on black, whatever it looks like on the canvas.
export function drawItem(context: Context, item: Item, kind: LayerKind, ink: string | null = null): void {
  if (item.type === 'picture') {
    if (item.as !== undefined) {
      const lines = linesOf(item.asset, item.as, ink ?? lineInk(kind));
      if (lines !== null) context.drawImage(lines, item.x, item.y, item.width, item.height);
      return;
    }
    if (kind === 'canny') {
      drawEdges(context, item, ink ?? EDGE_INK);
      return;
    }
    const bitmap = assetBitmap(item.asset);
    if (bitmap !== undefined) context.drawImage(bitmap, item.x, item.y, item.width, item.height);
    return;
  }
  if (item.type === 'pose') {
    drawPose(context, item, ink === null);
    return;
  }
  context.save();
  context.globalCompositeOperation = operationOf(item);
  const shown = kind === 'depth' && ink === null ? depthOnPaper(item.colour) : item.colour;
  const colour = item.erase ? '#000000' : ink === null || ink === HINT ? shown : ink;
  context.fillStyle = colour;
  context.strokeStyle = colour;
  switch (item.type) {
    case 'stroke':
      drawStroke(context, item);
      break;
    case 'area':
      context.beginPath();
      for (let i = 0; i + 1 < item.points.length; i += 2) {
        context.lineTo(item.points[i] ?? 0, item.points[i + 1] ?? 0);
      }
      context.closePath();
      context.fill();
      break;
    case 'rectangle':
    case 'ellipse':
      context.lineWidth = item.size;
      context.lineJoin = 'round';
      context.beginPath();
      if (item.type === 'rectangle') context.rect(item.x, item.y, item.width, item.height);
      else {
        const [rx, ry] = [item.width / 2, item.height / 2];
        context.ellipse(item.x + rx, item.y + ry, rx, ry, 0, 0, 2 * Math.PI);
      }
      if (item.filled) context.fill();
      else context.stroke();
  }
  context.restore();
}
