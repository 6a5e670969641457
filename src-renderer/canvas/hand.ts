// What the hand on the canvas holds, for what is proposed to be drawn.
import type { Hand } from '../core/proposals/proposal.ts';
import { useCanvasView } from './view.ts';

const STEERING_INK = '#17181b'; // a scribble's

export const handOnCanvas = (): Hand => ({ layer: useCanvasView.getState().selected, ink: STEERING_INK });

export const pickColour = (colour: string): void => useCanvasView.setState({ colour });
