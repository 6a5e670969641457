import { Brush } from 'lucide-react';
import type { Pane } from '../app/pane.ts';
import { CanvasPane } from './CanvasPane.tsx';
import './commands.ts';
import './canvas.css';

export const canvasPane: Pane = {
  id: 'canvas',
  title: 'Canvas',
  icon: Brush,
  place: 0,
  keys: ['Mod+Alt+1'],
  Component: CanvasPane,
};
