// From layers to the pictures that the engine gets: what lies in the box, at the box's size.
import type { Box, Layer } from '../core/canvas/model.ts';
import { drawItem, HINT } from './raster.ts';

export interface Composite {
  readonly file: Uint8Array<ArrayBuffer>; // PNG
  readonly empty: boolean; // nothing of any layer lies in the box
}

function context(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const found = canvas.getContext('2d', { willReadFrequently: true });
  if (found === null) throw new Error('there is no 2D context for a picture');
  return found;
}

// Each layer on a bitmap of its own: an eraser takes away from its own layer only.
function drawLayer(
  target: OffscreenCanvasRenderingContext2D,
  layer: Layer,
  box: Box,
  ink: string | null,
): void {
  const own = new OffscreenCanvas(box.width, box.height);
  const drawing = context(own);
  drawing.translate(layer.x - box.x, layer.y - box.y);
  for (const item of layer.items) drawItem(drawing, item, layer.kind, ink);
  target.globalAlpha = ink === null ? layer.opacity : 1;
  target.drawImage(own, 0, 0);
  target.globalAlpha = 1;
}

export async function pngOf(canvas: OffscreenCanvas): Promise<Uint8Array<ArrayBuffer>> {
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return new Uint8Array(await blob.arrayBuffer());
}

export function flatten(
  layers: readonly Layer[],
  box: Box,
  ink: string | null,
): { canvas: OffscreenCanvas; empty: boolean } {
  const canvas = new OffscreenCanvas(box.width, box.height);
  const drawing = context(canvas);
  for (const layer of layers) drawLayer(drawing, layer, box, ink);
  const { data } = drawing.getImageData(0, 0, box.width, box.height);
  let empty = true;
  for (let i = 3; i < data.length && empty; i += 4) empty = data[i] === 0;
  return { canvas, empty };
}

async function over(background: string, top: OffscreenCanvas): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new OffscreenCanvas(top.width, top.height);
  const drawing = context(canvas);
  drawing.fillStyle = background;
  drawing.fillRect(0, 0, top.width, top.height);
  drawing.drawImage(top, 0, 0);
  return pngOf(canvas);
}

// White lines on black, as ControlNets for scribbles and edges want them; masks likewise. Poses and depths have their
// own colours on black.
export async function composeOnBlack(layer: Layer, box: Box): Promise<Composite> {
  const coloured = layer.kind === 'pose' || layer.kind === 'depth';
  const { canvas, empty } = flatten([layer], box, coloured ? HINT : '#ffffff');
  return { file: await over('#000000', canvas), empty };
}

// The paint layers as they are seen, on white paper.
export async function composePicture(layers: readonly Layer[], box: Box): Promise<Composite> {
  const { canvas, empty } = flatten(layers, box, null);
  return { file: await over('#ffffff', canvas), empty };
}
