// What a gesture draws before it is part of the document. Long strokes are drawn in pieces: what lies behind the
// pointer by more than some samples is kept as pixels, so that each frame costs the same however long the stroke is.
import type { Layer } from '../core/canvas/model.ts';
import { type Context, drawItem, drawSamples } from './raster.ts';
import type { Item } from '../core/canvas/model.ts';

export interface Draft {
  readonly layerId: string;
  // `context` is transformed to the document; what is drawn is clipped to nothing but the layer.
  draw(context: CanvasRenderingContext2D, layer: Layer): void;
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

export class StrokeDraft implements Draft {
  readonly layerId: string;
  readonly #style: { size: number; colour: string; erase: boolean };
  readonly #samples: number[];
  readonly #kept = document.createElement('canvas');
  #keptSamples = 0; // how many lie in pixels already

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
