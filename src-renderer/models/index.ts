import { Boxes } from 'lucide-react';
import { lazy } from 'react';
import type { Pane } from '../app/pane.ts';
import './models.css';

export const modelsPane: Pane = {
  id: 'models',
  title: 'Models',
  icon: Boxes,
  place: null,
  quiet: true,
  keys: ['Mod+Alt+6'],
  Component: lazy(() =>
    import('./ModelsPane.tsx').then(({ ModelsPane: Component }) => ({ default: Component })),
  ),
};
