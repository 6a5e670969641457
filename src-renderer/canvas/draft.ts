// What a gesture draws before it is part of the document. Long strokes are drawn in pieces: what lies behind the
// pointer by more than some samples is kept as pixels, so that each frame costs the same however long the stroke is.
import type { Bounds } from '../core/canvas/bounds.ts';
import type { Layer } from '../core/canvas/model.ts';
import { drawItem, operationOf, strokeOutline } from './raster.ts';
import { contextOf } from './surface.ts';
import type { Item, Stroke } from '../core/canvas/model.ts';

// Where on the drawing area a tile of it lies, and how large the area is; the screen's own pixels.
export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Draft {
  readonly layerId: string;
  // `context` is transformed to the document; what is drawn is clipped to nothing but the layer and the tile.
  draw(context: CanvasRenderingContext2D, layer: Layer, place: Place): void;
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

type Style = Pick<Stroke, 'size' | 'colour' | 'erase' | 'atop'>;

export class StrokeDraft implements Draft {
  readonly layerId: string;
  readonly #style: Style;
  readonly #samples: number[];
  readonly #kept = document.createElement('canvas');
  #keptSamples = 0; // how many lie in pixels already
  #tail: { count: number; kept: number; outline: Path2D } | null = null; // of the others
  #shownSamples = 0; // how many had come when `grown` was asked last

  // `samples` grows while the gesture goes on.
  constructor(layerId: string, samples: number[], style: Style) {
    this.layerId = layerId;
    this.#samples = samples;
    this.#style = style;
  }

  draw(context: CanvasRenderingContext2D, layer: Layer, place: Place): void {
    const transform = context.getTransform();
    const count = this.#samples.length / 3;
    while (count - this.#keptSamples > 2 * PIECE) {
      this.#keep(place, new DOMMatrix().translate(place.left, place.top).multiply(transform), layer);
    }
    context.save();
    context.globalCompositeOperation = operationOf(this.#style);
    context.fillStyle = this.#style.colour;
    if (this.#keptSamples > 0) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(this.#kept, -place.left, -place.top);
      context.setTransform(transform);
    }
    context.translate(layer.x, layer.y);
    // Tiles that the stroke grew on in one frame share its outline.
    if (this.#tail?.count !== count || this.#tail.kept !== this.#keptSamples) {
      this.#tail = {
        count,
        kept: this.#keptSamples,
        outline: this.#piece(this.#keptSamples - OVERLAP, count),
      };
    }
    context.fill(this.#tail.outline);
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

  #piece(from: number, to: number): Path2D {
    return strokeOutline(this.#samples.slice(Math.max(0, from) * 3, to * 3), this.#style.size, false);
  }

  // On pixels as large as the drawing area, which `toArea` takes the document to.
  #keep({ width, height }: Place, toArea: DOMMatrix, layer: Layer): void {
    if (this.#kept.width !== width || this.#kept.height !== height) {
      this.#kept.width = width;
      this.#kept.height = height;
    }
    const context = contextOf(this.#kept);
    context.setTransform(toArea);
    context.translate(layer.x, layer.y);
    context.fillStyle = this.#style.colour;
    context.fill(this.#piece(this.#keptSamples - OVERLAP, this.#keptSamples + PIECE));
    this.#keptSamples += PIECE;
  }
}
