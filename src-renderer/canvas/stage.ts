// The canvas on the screen: Konva layers for the paper, the document with the stroke that is being drawn, results, and
// the box; the brush's ring is an element above them. Follows the document and the view by itself; pointer input comes
// through gestures (input.ts). While a stroke grows, only where it grew is drawn again.
import Konva from 'konva';
import { onAsset } from '../app/assets.ts';
import { currentDocument, performOn, sealStep, useDocument } from '../app/document.ts';
import { setBox } from '../core/canvas/actions.ts';
import { fitBox, gridBox, type Point, type View } from '../core/canvas/geometry.ts';
import { type Box, isControl, type Layer } from '../core/canvas/model.ts';
import type { Draft } from './draft.ts';
import { showGhosts } from './ghost-view.ts';
import { LayerBitmaps } from './layer-bitmaps.ts';
import { useResults, type Overlay } from './results.ts';
import { selectedLayer, setView, useCanvasView } from './view.ts';

const PAPER = '#ffffff';
const FAINT = 0.3;
// By the bars that float above the drawing.
const COVERED = { top: 40, bottom: 76 };
const ACCENT = '#12a594';

// A part of a canvas, in its own pixels.
interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const wholeOf = ({ canvas: { width, height } }: CanvasRenderingContext2D): Part => ({
  ...{ left: 0, top: 0, width, height },
});

interface Shown {
  shape: Konva.Shape;
  layer: Layer;
}

export class CanvasStage {
  readonly #stage: Konva.Stage;
  readonly #under = new Konva.Layer({ listening: false }); // the paper's shadow is dear: drawn when the view changes
  readonly #static = new Konva.Layer({ listening: false, imageSmoothingEnabled: true });
  readonly #results = new Konva.Layer({ listening: false });
  readonly #interactive = new Konva.Layer();
  readonly #paper = new Konva.Rect({ fill: PAPER, shadowColor: '#000', shadowOpacity: 0.25, shadowBlur: 24 });
  readonly #result = new Konva.Image({ image: undefined, visible: false });
  readonly #box = new Konva.Rect({
    stroke: ACCENT,
    strokeScaleEnabled: false,
    strokeWidth: 1.5,
    dash: [6, 4],
  });
  readonly #transformer = new Konva.Transformer({
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
  readonly #shown = new Map<string, Shown>();
  readonly #leave: (() => void)[];
  #draft: Draft | null = null;
  #frame = 0; // in which what a stroke grew by is drawn
  #scratch: HTMLCanvasElement | null = null;
  #fitted = false;
  #shownBox: Box | null = null;

  constructor(container: HTMLDivElement) {
    this.#stage = new Konva.Stage({ container, width: 1, height: 1 });
    this.#stage.add(this.#under, this.#static, this.#results, this.#interactive);
    this.#under.add(this.#paper);
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
        this.#static.batchDraw();
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
    cancelAnimationFrame(this.#frame);
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
    if (!grows) this.#static.batchDraw();
    else if (this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#drawGrown();
      });
    }
  }

  // Where a layer is shown while it is dragged.
  nudgeLayer(id: string, dx: number, dy: number): void {
    this.#shown.get(id)?.shape.position({ x: dx, y: dy });
    this.#static.batchDraw();
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
    const canvas = this.#stage.toCanvas({ x: at.x, y: at.y, width: 1, height: 1, pixelRatio: 1 });
    const [r = 255, g = 255, b = 255, a = 0] = canvas.getContext('2d')?.getImageData(0, 0, 1, 1).data ?? [];
    if (a === 0) return PAPER;
    return `#${[r, g, b].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  }

  #resize({ clientWidth, clientHeight }: HTMLDivElement): void {
    if (clientWidth === 0 || clientHeight === 0) return;
    const before = this.size;
    this.#stage.size({ width: clientWidth, height: clientHeight });
    if (!this.#fitted) {
      this.#fitted = true;
      this.fit();
      return;
    }
    // What was in the middle stays there.
    const { view } = useCanvasView.getState();
    const dx = (clientWidth - before.width) / 2;
    const dy = (clientHeight - before.height) / 2;
    setView({ ...view, x: view.x + dx, y: view.y + dy });
  }

  #syncView(moved: boolean): void {
    const { view, tool } = useCanvasView.getState();
    if (moved) {
      for (const layer of [this.#under, this.#static, this.#results, this.#interactive]) {
        layer.position({ x: view.x, y: view.y });
        layer.scale({ x: view.scale, y: view.scale });
      }
      this.#static.getNativeCanvasElement().style.imageRendering = view.scale >= 4 ? 'pixelated' : 'auto';
      this.#under.batchDraw();
      this.#static.batchDraw();
      this.#results.batchDraw();
    }
    this.#box.draggable(tool === 'box');
    this.#transformer.visible(tool === 'box');
    this.#interactive.listening(tool === 'box');
    this.#interactive.batchDraw();
  }

  #syncDocument(): void {
    const { layers, box } = currentDocument().canvas;
    const ids = new Set(layers.map(({ id }) => id));
    for (const [id, { shape }] of this.#shown) {
      if (ids.has(id)) continue;
      shape.destroy();
      this.#shown.delete(id);
    }
    this.#bitmaps.keepOnly(ids);
    for (const layer of layers) {
      const shown = this.#shown.get(layer.id);
      if (shown === undefined) this.#shown.set(layer.id, this.#show(layer));
      else shown.layer = layer;
    }
    layers.forEach(({ id, visible }, index) => {
      const shape = this.#shown.get(id)?.shape;
      shape?.visible(visible);
      shape?.zIndex(index);
    });
    for (const node of [this.#paper, this.#box]) {
      node.setAttrs({ x: box.x, y: box.y, width: box.width, height: box.height, scaleX: 1, scaleY: 1 });
    }
    if (box !== this.#shownBox) this.#under.batchDraw();
    this.#shownBox = box;
    this.#static.batchDraw();
    this.#interactive.batchDraw();
  }

  #show(layer: Layer): Shown {
    const shown: Shown = {
      layer,
      shape: new Konva.Shape({
        sceneFunc: ({ _context: context }) => this.#drawLayer(context, shown.layer, wholeOf(context)),
        listening: false,
      }),
    };
    this.#static.add(shown.shape);
    return shown;
  }

  // What was drawn before stays where the stroke has not grown: a frame costs what is new.
  #drawGrown(): void {
    const draft = this.#draft;
    const layer = currentDocument().canvas.layers.find(({ id }) => id === draft?.layerId);
    const grown = layer === undefined ? null : (draft?.grown?.(layer) ?? null);
    if (grown === null) return;
    const canvas = this.#static.getCanvas();
    const context = canvas.getContext()._context;
    const ratio = canvas.getPixelRatio();
    const { x, y, scale } = useCanvasView.getState().view;
    const [width, height] = [context.canvas.width, context.canvas.height];
    const at = (value: number, offset: number): number => (value * scale + offset) * ratio;
    const left = Math.max(0, Math.floor(at(grown.left, x)) - 1);
    const top = Math.max(0, Math.floor(at(grown.top, y)) - 1);
    const right = Math.min(width, Math.ceil(at(grown.right, x)) + 1);
    const bottom = Math.min(height, Math.ceil(at(grown.bottom, y)) + 1);
    if (right <= left || bottom <= top) return;
    const part = { left, top, width: right - left, height: bottom - top };
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.beginPath();
    context.rect(left, top, part.width, part.height);
    context.clip();
    context.clearRect(left, top, part.width, part.height);
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
    for (const { id } of currentDocument().canvas.layers) {
      const shown = this.#shown.get(id);
      if (shown?.layer.visible === true) this.#drawLayer(context, shown.layer, part);
    }
    context.restore();
  }

  // `part` of the canvas is what has to be drawn, in its own pixels.
  #drawLayer(context: CanvasRenderingContext2D, layer: Layer, part: Part): void {
    context.save();
    // A drawing that steers is faint while another layer is worked on, so that it does not hide what was painted.
    const faint = isControl(layer.kind) && selectedLayer()?.id !== layer.id;
    context.globalAlpha = layer.opacity * (faint ? FAINT : 1);
    const draft = this.#draft?.layerId === layer.id ? this.#draft : null;
    if (draft === null) this.#drawBitmap(context, layer);
    else {
      // On a bitmap of its own first: an eraser must take away from this layer alone.
      const { left, top, width, height } = part;
      const scratch = this.#scratchLike(context.canvas);
      scratch.save();
      scratch.setTransform(1, 0, 0, 1, 0, 0);
      scratch.beginPath();
      scratch.rect(left, top, width, height);
      scratch.clip();
      scratch.clearRect(left, top, width, height);
      scratch.setTransform(context.getTransform());
      this.#drawBitmap(scratch, layer);
      draft.draw(scratch, layer);
      scratch.restore();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(scratch.canvas, left, top, width, height, left, top, width, height);
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
    const context = this.#scratch.getContext('2d');
    if (context === null) throw new Error('there is no 2D context for a stroke');
    return context;
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
