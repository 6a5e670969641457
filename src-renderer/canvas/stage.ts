// The canvas on the screen: the paper, the document with the stroke that is being drawn (surface.ts), Konva layers for
// results and the box, and the brush's ring. Follows the document and the view by itself; pointer input comes through
// gestures (input.ts). While a stroke grows, only where it grew is drawn again.
import { Layer as KonvaLayer } from 'konva/lib/Layer.js';
import { Image as KonvaImage } from 'konva/lib/shapes/Image.js';
import { Rect } from 'konva/lib/shapes/Rect.js';
import { Transformer } from 'konva/lib/shapes/Transformer.js';
import { Stage } from 'konva/lib/Stage.js';
import { onAsset } from '../app/assets.ts';
import { currentDocument, performOn, sealStep, useDocument } from '../app/document.ts';
import { setBox } from '../core/canvas/actions.ts';
import type { Bounds } from '../core/canvas/bounds.ts';
import { fitBox, gridBox, type Point, type View } from '../core/canvas/geometry.ts';
import { isControl, type Layer } from '../core/canvas/model.ts';
import type { Draft } from './draft.ts';
import { showGhosts } from './ghost-view.ts';
import { LayerBitmaps } from './layer-bitmaps.ts';
import { useResults, type Overlay } from './results.ts';
import { beginPart, contextOf, type Part, Surface, type Tile } from './surface.ts';
import { selectedLayer, setView, useCanvasView } from './view.ts';

const PAPER = '#ffffff';
const FAINT = 0.3;
// By the bars that float above the drawing.
const COVERED = { top: 40, bottom: 76 };
const ACCENT = '#12a594';
const ONE_PIXEL: Part = { left: 0, top: 0, width: 1, height: 1 };
const PIXELS_FROM = 4; // from this scale on they are seen as squares

export class CanvasStage {
  readonly #stage: Stage;
  readonly #results = new KonvaLayer({ listening: false });
  readonly #interactive = new KonvaLayer();
  readonly #paper = document.createElement('div');
  readonly #surface = new Surface((tile, part) => this.#drawTile(tile, part));
  readonly #result = new KonvaImage({ image: undefined, visible: false });
  readonly #box = new Rect({
    stroke: ACCENT,
    strokeScaleEnabled: false,
    strokeWidth: 1.5,
    dash: [6, 4],
  });
  readonly #transformer = new Transformer({
    rotateEnabled: false,
    flipEnabled: false,
    keepRatio: false,
    anchorSize: 10,
    anchorCornerRadius: 2,
    anchorStroke: ACCENT,
    borderStroke: ACCENT,
    visible: false,
  });
  readonly #ring = document.createElement('div');
  readonly #bitmaps = new LayerBitmaps();
  readonly #leave: (() => void)[];
  #draft: Draft | null = null;
  #nudged: { id: string; dx: number; dy: number } | null = null;
  #scratch: HTMLCanvasElement | null = null;
  #fitted = false;

  constructor(container: HTMLDivElement) {
    this.#stage = new Stage({ container, width: 1, height: 1 });
    this.#paper.className = 'canvas-paper';
    this.#paper.style.background = PAPER;
    container.prepend(this.#paper, this.#surface.element);
    this.#stage.add(this.#results, this.#interactive);
    this.#results.add(this.#result);
    this.#interactive.add(this.#box, this.#transformer);
    this.#ring.className = 'canvas-ring';
    this.#ring.hidden = true;
    container.append(this.#ring);
    this.#transformer.nodes([this.#box]);
    this.#box.on('dragend transformend', () => this.#boxMoved());
    const observer = new ResizeObserver(() => this.#resize(container));
    observer.observe(container);
    this.#leave = [
      useDocument.subscribe(() => this.#syncDocument()),
      useCanvasView.subscribe((now, before) =>
        this.#syncView(now.view !== before.view || now.selected !== before.selected),
      ),
      useResults.subscribe(() => this.#syncResult()),
      onAsset((asset) => {
        this.#bitmaps.forgetAsset(asset);
        this.#surface.redraw();
      }),
      showGhosts(this.#results),
      () => observer.disconnect(),
    ];
    this.#syncDocument();
    this.#syncView(true);
    this.#syncResult();
  }

  get size(): { width: number; height: number } {
    return { width: this.#stage.width(), height: this.#stage.height() };
  }

  destroy(): void {
    for (const leave of this.#leave) leave();
    this.#surface.destroy();
    this.#paper.remove();
    this.#ring.remove();
    this.#stage.destroy();
  }

  fit(): void {
    setView(fitBox(currentDocument().canvas.box, this.size, 20, COVERED));
  }

  // What a gesture is drawing; null when it is over. Called at every move of the pointer.
  setDraft(draft: Draft | null): void {
    const grows = draft?.grown !== undefined && draft === this.#draft;
    this.#draft = draft;
    if (grows) this.#surface.redrawGrown(() => this.#grown());
    else this.#surface.redraw();
  }

  // Where a layer is shown while it is dragged.
  nudgeLayer(id: string, dx: number, dy: number): void {
    this.#nudged = { id, dx, dy };
    this.#surface.redraw();
  }

  // The brush's ring at a point of the screen; null hides it.
  showRing(at: Point | null): void {
    this.#ring.hidden = at === null;
    if (at === null) return;
    const { size, view } = useCanvasView.getState();
    const across = size * view.scale;
    const { style } = this.#ring;
    style.width = style.height = `${across}px`;
    style.transform = `translate(${at.x - across / 2}px, ${at.y - across / 2}px)`;
  }

  // The colour on the screen at a point, as #rrggbb.
  colourAt(at: Point): string {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const context = contextOf(canvas);
    context.fillStyle = PAPER;
    context.fillRect(0, 0, 1, 1);
    const { ratio } = this.#surface;
    this.#drawTile({ context, left: Math.round(at.x * ratio), top: Math.round(at.y * ratio) }, ONE_PIXEL);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.#results.toCanvas({ x: at.x, y: at.y, width: 1, height: 1, pixelRatio: 1 }), 0, 0);
    const [r = 255, g = 255, b = 255] = context.getImageData(0, 0, 1, 1).data;
    return `#${[r, g, b].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  }

  #resize({ clientWidth, clientHeight }: HTMLDivElement): void {
    if (clientWidth === 0 || clientHeight === 0) return;
    const before = this.size;
    this.#stage.size({ width: clientWidth, height: clientHeight });
    if (!this.#fitted) {
      this.#fitted = true;
      this.fit();
    } else {
      // What was in the middle stays there.
      const { view } = useCanvasView.getState();
      const dx = (clientWidth - before.width) / 2;
      const dy = (clientHeight - before.height) / 2;
      setView({ ...view, x: view.x + dx, y: view.y + dy });
    }
    this.#surface.resize(clientWidth, clientHeight);
  }

  #syncView(moved: boolean): void {
    const { view, tool, frame } = useCanvasView.getState();
    if (moved) {
      for (const layer of [this.#results, this.#interactive]) {
        layer.position({ x: view.x, y: view.y });
        layer.scale({ x: view.scale, y: view.scale });
      }
      this.#results.imageSmoothingEnabled(view.scale < PIXELS_FROM);
      this.#placePaper();
      this.#surface.redraw();
      this.#results.batchDraw();
    }
    this.#box.visible(frame || tool === 'box');
    this.#box.draggable(tool === 'box');
    this.#transformer.visible(tool === 'box');
    this.#interactive.listening(tool === 'box');
    this.#interactive.batchDraw();
  }

  #syncDocument(): void {
    const { layers, box } = currentDocument().canvas;
    this.#bitmaps.keepOnly(new Set(layers.map(({ id }) => id)));
    this.#box.setAttrs({ x: box.x, y: box.y, width: box.width, height: box.height, scaleX: 1, scaleY: 1 });
    this.#placePaper();
    this.#surface.redraw();
    this.#interactive.batchDraw();
  }

  #placePaper(): void {
    const { box } = currentDocument().canvas;
    const { x, y, scale } = useCanvasView.getState().view;
    const { style } = this.#paper;
    style.width = `${box.width * scale}px`;
    style.height = `${box.height * scale}px`;
    style.transform = `translate(${x + box.x * scale}px, ${y + box.y * scale}px)`;
  }

  // What was drawn before stays where the stroke has not grown: a frame costs what is new.
  #grown(): Bounds | null {
    const draft = this.#draft;
    const layer = currentDocument().canvas.layers.find(({ id }) => id === draft?.layerId);
    const grown = layer === undefined ? null : (draft?.grown?.(layer) ?? null);
    if (grown === null) return null;
    const { x, y, scale } = useCanvasView.getState().view;
    const at = (value: number, offset: number): number => (value * scale + offset) * this.#surface.ratio;
    return {
      left: at(grown.left, x),
      top: at(grown.top, y),
      right: at(grown.right, x),
      bottom: at(grown.bottom, y),
    };
  }

  #drawTile(tile: Tile, part: Part): void {
    const { context, left, top } = tile;
    const { ratio } = this.#surface;
    const { x, y, scale } = useCanvasView.getState().view;
    context.imageSmoothingEnabled = scale < PIXELS_FROM;
    for (const layer of currentDocument().canvas.layers) {
      if (!layer.visible) continue;
      const { dx, dy } = this.#nudged?.id === layer.id ? this.#nudged : { dx: 0, dy: 0 };
      const [across, down] = [ratio * (x + dx * scale) - left, ratio * (y + dy * scale) - top];
      context.setTransform(ratio * scale, 0, 0, ratio * scale, across, down);
      this.#drawLayer(tile, layer, part);
    }
  }

  #drawLayer({ context, left, top }: Tile, layer: Layer, part: Part): void {
    context.save();
    // A drawing that steers is faint while another layer is worked on, so that it does not hide what was painted.
    const faint = isControl(layer.kind) && selectedLayer()?.id !== layer.id;
    context.globalAlpha = layer.opacity * (faint ? FAINT : 1);
    const draft = this.#draft?.layerId === layer.id ? this.#draft : null;
    if (draft === null) this.#drawBitmap(context, layer);
    else {
      // On a bitmap of its own first: an eraser must take away from this layer alone.
      const { left: from, top: above, width, height } = part;
      const scratch = this.#scratchLike(context.canvas);
      beginPart(scratch, part);
      scratch.setTransform(context.getTransform());
      scratch.imageSmoothingEnabled = context.imageSmoothingEnabled;
      this.#drawBitmap(scratch, layer);
      draft.draw(scratch, layer, { left, top, ...this.#surface.size });
      scratch.restore();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(scratch.canvas, from, above, width, height, from, above, width, height);
    }
    context.restore();
  }

  #drawBitmap(context: CanvasRenderingContext2D, layer: Layer): void {
    const bitmap = this.#bitmaps.of(layer);
    if (bitmap === null) return;
    context.drawImage(bitmap.canvas, bitmap.room.left + layer.x, bitmap.room.top + layer.y);
  }

  #scratchLike({ width, height }: HTMLCanvasElement): CanvasRenderingContext2D {
    this.#scratch ??= document.createElement('canvas');
    if (this.#scratch.width !== width || this.#scratch.height !== height) {
      this.#scratch.width = width;
      this.#scratch.height = height;
    }
    return contextOf(this.#scratch);
  }

  #syncResult(): void {
    const overlay: Overlay | null = useResults.getState().overlay;
    this.#result.visible(overlay !== null);
    if (overlay === null) this.#result.image(undefined);
    else {
      const { x, y, width, height } = overlay.box;
      this.#result.setAttrs({ image: overlay.image, x, y, width, height });
    }
    this.#results.batchDraw();
  }

  #boxMoved(): void {
    const { x, y, width, height } = this.#box.getAttrs() as {
      x: number;
      y: number;
      width: number;
      height: number;
    };
    const { scaleX, scaleY } = { scaleX: this.#box.scaleX(), scaleY: this.#box.scaleY() };
    performOn('canvas', setBox(gridBox(x, y, width * scaleX, height * scaleY)));
    sealStep();
    this.#syncDocument(); // also where the grid took the change back
  }

  get view(): View {
    return useCanvasView.getState().view;
  }
}
