// Points between screen and document, and boxes on the grid that the engine paints on.
import type { Box } from './model.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

// How the document is seen: a document point p is on the screen at p * scale + (x, y).
export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export const MIN_SCALE = 0.05;
export const MAX_SCALE = 32;

export const toDocument = (view: View, { x, y }: Point): Point => ({
  x: (x - view.x) / view.scale,
  y: (y - view.y) / view.scale,
});

export const toScreen = (view: View, { x, y }: Point): Point => ({
  x: x * view.scale + view.x,
  y: y * view.scale + view.y,
});

// The point under `at` (on the screen) stays under it.
export function zoomAt(view: View, at: Point, factor: number): View {
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, view.scale * factor));
  const fixed = toDocument(view, at);
  return { scale, x: at.x - fixed.x * scale, y: at.y - fixed.y * scale };
}

// The box in the middle of what a screen of this size leaves free, with a margin around it.
export function fitBox(
  box: Box,
  screen: { width: number; height: number },
  margin = 24,
  covered = { top: 0, bottom: 0 },
): View {
  const free = screen.height - covered.top - covered.bottom;
  const wide = Math.max(1, screen.width - 2 * margin) / box.width;
  const high = Math.max(1, free - 2 * margin) / box.height;
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, Math.min(wide, high)));
  return {
    scale,
    x: screen.width / 2 - (box.x + box.width / 2) * scale,
    y: covered.top + free / 2 - (box.y + box.height / 2) * scale,
  };
}

const GRID = 8; // a latent's cell in pixels
const side = (length: number): number => Math.min(2048, Math.max(64, Math.round(length / GRID) * GRID));

export function gridBox(x: number, y: number, width: number, height: number): Box {
  return { x: Math.round(x), y: Math.round(y), width: side(width), height: side(height) };
}

// A rectangle between two points; `square` keeps its sides equal, `centred` takes `from` as its middle.
export function dragRectangle(
  from: Point,
  to: Point,
  { square, centred }: { square: boolean; centred: boolean },
): { x: number; y: number; width: number; height: number } {
  let dx = to.x - from.x;
  let dy = to.y - from.y;
  if (square) {
    const longest = Math.max(Math.abs(dx), Math.abs(dy));
    dx = Math.sign(dx || 1) * longest;
    dy = Math.sign(dy || 1) * longest;
  }
  const begin = centred ? { x: from.x - dx, y: from.y - dy } : from;
  const width = centred ? 2 * dx : dx;
  const height = centred ? 2 * dy : dy;
  return {
    x: Math.min(begin.x, begin.x + width),
    y: Math.min(begin.y, begin.y + height),
    width: Math.abs(width),
    height: Math.abs(height),
  };
}
