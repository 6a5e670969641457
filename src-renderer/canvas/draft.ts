// What a gesture draws before it is part of the document. Long strokes are drawn in pieces: what lies behind the
// pointer by more than some samples is kept as pixels, so that each frame costs the same however long the stroke is.
import type { Bounds } from '../core/canvas/bounds.ts';
import type { Layer } from '../core/canvas/model.ts';
import { type Context, drawItem, drawSamples } from './raster.ts';
import type { Item } from '../core/canvas/model.ts';

export interface Draft {
  readonly layerId: string;
  // `context` is transformed to the document; what is drawn is clipped to nothing but the layer.
  draw(context: CanvasRenderingContext2D, layer: Layer): void;
  // Where it changed since this was asked last, in the document's pixels; null: nowhere. A draft without this is drawn
  // as a whole each time.
  grown?(layer: Layer): Bounds | null;
}

export const itemDraft = (layerId: string, item: () => Item): Draft => ({
  layerId,
  draw: (context, layer) => {
    context.save();
    context.translate(layer.x, layer.y);
    drawItem(context, item(), layer.kind);
    context.restore();
  },
});

const PIECE = 160; // samples
const OVERLAP = 24; // so that no seam shows between pieces
// So many of the last samples may still change their outline when the next one comes: it is smoothed along them, and
// the width at the beginning is a mean of the first ten.
const UNSETTLED = 12;

export class StrokeDraft implements Draft {
  readonly layerId: string;
  readonly #style: { size: number; colour: string; erase: boolean };
  readonly #samples: number[];
  readonly #kept = document.createElement('canvas');
  #keptSamples = 0; // how many lie in pixels already
  #shownSamples = 0; // how many had come when `grown` was asked last

  // `samples` grows while the gesture goes on.
  constructor(layerId: string, samples: number[], style: { size: number; colour: string; erase: boolean }) {
    this.layerId = layerId;
    this.#samples = samples;
    this.#style = style;
  }

  draw(context: CanvasRenderingContext2D, layer: Layer): void {
    const transform = context.getTransform();
    const count = this.#samples.length / 3;
    while (count - this.#keptSamples > 2 * PIECE) {
      this.#keep(context.canvas, transform, layer);
    }
    context.save();
    context.globalCompositeOperation = this.#style.erase ? 'destination-out' : 'source-over';
    context.fillStyle = this.#style.colour;
    if (this.#keptSamples > 0) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(this.#kept, 0, 0);
      context.setTransform(transform);
    }
    context.translate(layer.x, layer.y);
    this.#piece(context, this.#keptSamples - OVERLAP, count);
    context.restore();
  }

  grown(layer: Layer): Bounds | null {
    const count = this.#samples.length / 3;
    if (count === this.#shownSamples) return null;
    const from = Math.max(0, this.#shownSamples - UNSETTLED);
    this.#shownSamples = count;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = from; i < count; i++) {
      const [x = 0, y = 0] = [this.#samples[3 * i], this.#samples[3 * i + 1]];
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
    const room = this.#style.size + 1; // a hard pressed pen is three quarters of it to each side
    return {
      left: layer.x + left - room,
      top: layer.y + top - room,
      right: layer.x + right + room,
      bottom: layer.y + bottom + room,
    };
  }

  #piece(context: Context, from: number, to: number): void {
    drawSamples(context, this.#samples.slice(Math.max(0, from) * 3, to * 3), this.#style.size, false);
  }

  #keep(like: HTMLCanvasElement, transform: DOMMatrix, layer: Layer): void {
    if (this.#kept.width !== like.width || this.#kept.height !== like.height) {
      this.#kept.width = like.width;
      this.#kept.height = like.height;
    }
    const context = this.#kept.getContext('2d');
    if (context === null) throw new Error('there is no 2D context for a stroke');
    context.setTransform(transform);
    context.translate(layer.x, layer.y);
    context.fillStyle = this.#style.colour;
    this.#piece(context, this.#keptSamples - OVERLAP, this.#keptSamples + PIECE);
    this.#keptSamples += PIECE;
  }
}
