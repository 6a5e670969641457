// Draws what is proposed over the document: new marks translucent with a dashed frame, what is to go in red.
import type { Layer } from 'konva/lib/Layer.js';
import { Shape } from 'konva/lib/Shape.js';
import { useGhost } from '../app/ghost.ts';
import { currentDocument, useDocument } from '../app/document.ts';
import { boundsOf } from '../core/canvas/bounds.ts';
import type { Box } from '../core/canvas/model.ts';
import { type Ghost, ghostOf } from '../core/proposals/ghost.ts';
import { drawItem } from './raster.ts';
import { useCanvasView } from './view.ts';

const ADDED = '#12a594';
const REMOVED = '#e5484d';

// Adds itself to a layer of the stage; returns what takes it away again.
export function showGhosts(layer: Layer): () => void {
  let ghost: Ghost | null = null;
  const shape = new Shape({
    listening: false,
    visible: false,
    sceneFunc: (context) => {
      if (ghost !== null) draw(context._context, ghost);
    },
  });
  layer.add(shape);
  const sync = (): void => {
    const proposed = useGhost.getState().ghost;
    const document = currentDocument();
    ghost = proposed === null ? null : ghostOf(document.canvas, proposed.next(document).canvas);
    shape.visible(ghost !== null);
    layer.batchDraw();
  };
  const leave = [
    useGhost.subscribe(sync),
    // The chosen layer is where it would go.
    useCanvasView.subscribe((now, before) => {
      if (now.selected !== before.selected && useGhost.getState().ghost !== null) sync();
    }),
    useDocument.subscribe((now, before) => {
      const changed = now.history.present !== before.history.present;
      if (changed && useGhost.getState().ghost !== null) sync();
    }),
    () => shape.destroy(),
  ];
  sync();
  return () => leave.forEach((stop) => stop());
}

function frame(context: CanvasRenderingContext2D, { x, y, width, height }: Box, colour: string): void {
  const pixel = 1 / (context.getTransform().a || 1);
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * pixel * devicePixelRatio;
  context.setLineDash([6 * pixel * devicePixelRatio, 4 * pixel * devicePixelRatio]);
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
}

function draw(context: CanvasRenderingContext2D, { added, removed, box }: Ghost): void {
  context.save();
  for (const { layer, items } of added) {
    context.save();
    context.translate(layer.x, layer.y);
    context.globalAlpha = 0.6;
    // What erases is shown as what would be gone.
    for (const item of items) {
      const erases = 'erase' in item && item.erase;
      if (erases) context.globalAlpha = 0.35;
      drawItem(context, erases ? { ...item, erase: false } : item, layer.kind, erases ? REMOVED : null);
      context.globalAlpha = 0.6;
    }
    context.restore();
    const bounds = boundsOf(items);
    if (bounds !== null) {
      const { left, top, right, bottom } = bounds;
      const around = { x: left + layer.x, y: top + layer.y, width: right - left, height: bottom - top };
      frame(context, around, ADDED);
    }
  }
  for (const each of removed) {
    context.globalAlpha = 0.25;
    context.fillStyle = REMOVED;
    context.fillRect(each.x, each.y, each.width, each.height);
    context.globalAlpha = 1;
    frame(context, each, REMOVED);
  }
  if (box !== null) frame(context, box, ADDED);
  context.restore();
}
