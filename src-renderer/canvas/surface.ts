// What is drawn of the document, on small canvases side by side. A window without a graphics card composes on the
// processor and takes a whole canvas in hand whenever a pixel of it changes; so a stroke changes small ones.
const TILE = 256; // of the screen's own pixels

// A canvas and where it lies on the surface; everything in the screen's own pixels.
export interface Tile {
  readonly context: CanvasRenderingContext2D;
  readonly left: number;
  readonly top: number;
}

// What has to be drawn of a tile, in its own pixels.
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('there is no 2D context for the drawing');
  return context;
}

// Empties a part, outside which nothing is drawn until the context is restored.
export function beginPart(context: CanvasRenderingContext2D, { left, top, width, height }: Part): void {
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.clearRect(left, top, width, height);
}

export class Surface {
  readonly element = document.createElement('div');
  readonly #draw: (tile: Tile, part: Part) => void;
  #tiles: Tile[] = [];
  #columns = 0;
  #ratio = 1;
  #size = { width: 0, height: 0 };
  #frame = 0;
  #whole = false;
  #grown: (() => Area | null) | null = null;

  // `draw` finds the part empty, and cannot draw outside it.
  constructor(draw: (tile: Tile, part: Part) => void) {
    this.#draw = draw;
    this.element.className = 'canvas-surface';
  }

  // How many of the screen's own pixels are one of the page's.
  get ratio(): number {
    return this.#ratio;
  }

  // In the screen's own pixels.
  get size(): { width: number; height: number } {
    return this.#size;
  }

  // In the page's pixels.
  resize(width: number, height: number): void {
    const ratio = window.devicePixelRatio;
    this.#size = { width: Math.ceil(width * ratio), height: Math.ceil(height * ratio) };
    const columns = Math.ceil(this.#size.width / TILE);
    const rows = Math.ceil(this.#size.height / TILE);
    if (ratio !== this.#ratio || columns !== this.#columns || columns * rows !== this.#tiles.length) {
      this.#ratio = ratio;
      this.#columns = columns;
      this.#tiles = Array.from({ length: columns * rows }, (_, i) =>
        this.#tile((i % columns) * TILE, Math.floor(i / columns) * TILE),
      );
      this.element.replaceChildren(...this.#tiles.map(({ context }) => context.canvas));
    }
    this.#whole = true;
    this.#drawNow(); // new canvases are empty: none is shown so
  }

  // In the next frame, all of it.
  redraw(): void {
    this.#whole = true;
    this.#ask();
  }

  // In the next frame, what `grown` says then, in the screen's own pixels; null: nothing.
  redrawGrown(grown: () => Area | null): void {
    this.#grown = grown;
    this.#ask();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.element.remove();
  }

  #tile(left: number, top: number): Tile {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = TILE;
    const { style } = canvas;
    style.width = style.height = `${TILE / this.#ratio}px`;
    style.left = `${left / this.#ratio}px`;
    style.top = `${top / this.#ratio}px`;
    return { context: contextOf(canvas), left, top };
  }

  #ask(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const grown = this.#grown?.() ?? null;
    const area = this.#whole ? { left: 0, top: 0, right: Infinity, bottom: Infinity } : grown;
    this.#whole = false;
    this.#grown = null;
    if (area !== null) for (const tile of this.#tiles) this.#drawOn(tile, area);
  }

  #drawOn(tile: Tile, area: Area): void {
    const left = Math.max(0, Math.floor(area.left) - 1 - tile.left);
    const top = Math.max(0, Math.floor(area.top) - 1 - tile.top);
    const width = Math.min(TILE, Math.ceil(area.right) + 1 - tile.left) - left;
    const height = Math.min(TILE, Math.ceil(area.bottom) + 1 - tile.top) - top;
    if (width <= 0 || height <= 0) return;
    const part = { left, top, width, height };
    beginPart(tile.context, part);
    this.#draw(tile, part);
    tile.context.restore();
  }
}
