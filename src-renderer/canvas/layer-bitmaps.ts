// A bitmap for each layer, made from its items. A new item at the end is drawn onto what is there; anything else, an
// undo for one, makes the bitmap anew.
import { boundsOf, type Bounds, contains, itemBounds, roomFor, union } from '../core/canvas/bounds.ts';
import type { Item, Layer } from '../core/canvas/model.ts';
import { drawItem } from './raster.ts';
import { contextOf } from './surface.ts';

export interface LayerBitmap {
  readonly canvas: HTMLCanvasElement;
  readonly room: Bounds; // what it covers, in the layer's own pixels
}

interface Entry extends LayerBitmap {
  items: readonly Item[];
}

const MAX_SIDE = 8192;

function clampRoom(room: Bounds): Bounds {
  return {
    ...room,
    right: Math.min(room.right, room.left + MAX_SIDE),
    bottom: Math.min(room.bottom, room.top + MAX_SIDE),
  };
}

function make({ items, kind }: Layer, room: Bounds): Entry {
  const canvas = document.createElement('canvas');
  canvas.width = room.right - room.left;
  canvas.height = room.bottom - room.top;
  const drawing = contextOf(canvas);
  drawing.translate(-room.left, -room.top);
  for (const item of items) drawItem(drawing, item, kind);
  return { canvas, room, items };
}

export class LayerBitmaps {
  readonly #entries = new Map<string, Entry>();

  // Null for a layer without anything on it.
  of(layer: Layer): LayerBitmap | null {
    const { id, items, kind } = layer;
    const entry = this.#entries.get(id);
    if (entry?.items === items) return entry;
    const added = items.at(-1);
    const extends_ =
      entry !== undefined &&
      added !== undefined &&
      items.length === entry.items.length + 1 &&
      items.every((item, index) => index === items.length - 1 || item === entry.items[index]);
    if (extends_) {
      const bounds = itemBounds(added);
      if (bounds === null || contains(entry.room, bounds)) {
        drawItem(contextOf(entry.canvas), added, kind);
        entry.items = items;
        return entry;
      }
    }
    const bounds = boundsOf(items);
    if (bounds === null) {
      this.#entries.delete(id);
      return null;
    }
    const room = clampRoom(roomFor(union(bounds, extends_ ? entry.room : null) ?? bounds));
    const made = make(layer, room);
    this.#entries.set(id, made);
    return made;
  }

  // A picture has arrived: what shows it is made anew.
  forgetAsset(asset: string): void {
    for (const [id, { items }] of this.#entries) {
      if (items.some((item) => item.type === 'picture' && item.asset === asset)) this.#entries.delete(id);
    }
  }

  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
  }
}
