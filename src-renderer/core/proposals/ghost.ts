// What a proposal would change on the canvas, for showing it before it is taken.
import { boundsOf } from '../canvas/bounds.ts';
import type { Box, CanvasDocument, Item, Layer } from '../canvas/model.ts';

export interface Ghost {
  readonly added: readonly { layer: Layer; items: readonly Item[] }[];
  readonly removed: readonly Box[]; // what is emptied, in pixels of the document
  readonly box: Box | null; // the painted area, where it changes
}

export function ghostOf(now: CanvasDocument, next: CanvasDocument): Ghost {
  const before = new Map(now.layers.map((layer) => [layer.id, layer]));
  const added: { layer: Layer; items: readonly Item[] }[] = [];
  const removed: Box[] = [];
  for (const layer of next.layers) {
    const known = new Set(before.get(layer.id)?.items.map(({ id }) => id));
    const items = layer.items.filter(({ id }) => !known.has(id));
    if (items.length > 0) added.push({ layer, items });
    const kept = new Set(layer.items.map(({ id }) => id));
    const gone = before.get(layer.id)?.items.filter(({ id }) => !kept.has(id)) ?? [];
    const bounds = boundsOf(gone);
    if (bounds !== null) {
      const { left, top, right, bottom } = bounds;
      removed.push({ x: left + layer.x, y: top + layer.y, width: right - left, height: bottom - top });
    }
  }
  const { x, y, width, height } = next.box;
  const moved = x !== now.box.x || y !== now.box.y || width !== now.box.width || height !== now.box.height;
  return { added, removed, box: moved ? next.box : null };
}
