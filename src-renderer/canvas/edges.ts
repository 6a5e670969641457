// Edges of placed pictures, as bitmaps of white lines on nothing. Found once for each picture and size.
import { canny } from '../core/canvas/canny.ts';
import type { Placed } from '../core/canvas/model.ts';
import { assetBitmap } from '../app/assets.ts';

const kept = new Map<string, OffscreenCanvas>();
const MANY = 16;

export function edgesOf({ asset, width, height }: Placed): OffscreenCanvas | null {
  const bitmap = assetBitmap(asset);
  if (bitmap === undefined) return null;
  const [w, h] = [Math.max(3, Math.round(width)), Math.max(3, Math.round(height))];
  const key = `${asset} ${w} ${h}`;
  const found = kept.get(key);
  if (found !== undefined) return found;
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('there is no 2D context for edges');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, w, h);
  const image = context.getImageData(0, 0, w, h);
  canny(image).forEach((value, i) => image.data.set([255, 255, 255, value], 4 * i));
  context.putImageData(image, 0, 0);
  const oldest = kept.keys().next();
  if (kept.size >= MANY && oldest.done !== true) kept.delete(oldest.value);
  kept.set(key, canvas);
  return canvas;
}
