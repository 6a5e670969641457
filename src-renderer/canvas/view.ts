// What the canvas's window shows and what the hand holds. Not part of the document: none of it is undone or saved.
import { create } from 'zustand';
import { currentDocument } from '../app/document.ts';
import type { View } from '../core/canvas/geometry.ts';
import { EDGE_INK, MASK_INK } from './raster.ts';
import type { Layer } from '../core/canvas/model.ts';

export type ToolName =
  'brush' | 'eraser' | 'move' | 'hand' | 'picker' | 'rectangle' | 'ellipse' | 'lasso' | 'box';

export interface CanvasView {
  view: View;
  tool: ToolName;
  colour: string;
  otherColour: string;
  size: number; // of brush and eraser, in document pixels
  filled: boolean; // shapes
  nearness: number; // of what is drawn on a depth layer: 0 far, 255 near
  selected: string | null; // a layer
  side: 'paint' | 'layers';
  frame: boolean; // around the painted area
}

export const useCanvasView = create<CanvasView>()(() => ({
  view: { x: 0, y: 0, scale: 1 },
  tool: 'brush',
  colour: '#d9542b',
  otherColour: '#ffffff',
  size: 5,
  filled: false,
  nearness: 200,
  selected: null,
  side: 'layers',
  frame: true,
}));

export const MIN_BRUSH = 1;
export const MAX_BRUSH = 200;

export const setView = (view: View): void => useCanvasView.setState({ view });
export const setTool = (tool: ToolName): void => useCanvasView.setState({ tool });
export const setSize = (size: number): void =>
  useCanvasView.setState({ size: Math.min(MAX_BRUSH, Math.max(MIN_BRUSH, Math.round(size))) });

// The layer that is drawn on: the chosen one, or the topmost scribble, or whatever is on top.
export function selectedLayer(
  layers: readonly Layer[] = currentDocument().canvas.layers,
  selected: string | null = useCanvasView.getState().selected,
): Layer | undefined {
  return (
    layers.find(({ id }) => id === selected) ??
    layers.findLast(({ kind }) => kind === 'scribble') ??
    layers.at(-1)
  );
}

// Control layers are drawn in one ink each, so that they can be told apart; only paint layers have colours.
const inks: Record<Exclude<Layer['kind'], 'paint' | 'depth'>, string> = {
  scribble: '#17181b',
  canny: EDGE_INK,
  pose: '#17181b',
  mask: MASK_INK,
};
export function inkOf({ kind }: Layer): string {
  const { colour, nearness } = useCanvasView.getState();
  if (kind === 'paint') return colour;
  if (kind === 'depth') return `#${nearness.toString(16).padStart(2, '0').repeat(3)}`;
  return inks[kind];
}
