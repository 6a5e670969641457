import { Music } from 'lucide-react';
import { lazy } from 'react';
import type { Pane } from '../app/pane.ts';
import './commands.ts';
import './roll.css';

export const rollPane: Pane = {
  id: 'roll',
  title: 'Piano roll',
  icon: Music,
  place: null,
  under: 'canvas',
  keys: ['Mod+Alt+2'],
  Component: lazy(() => import('./RollPane.tsx').then(({ RollPane: Component }) => ({ default: Component }))),
};
