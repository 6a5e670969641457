import { Boxes } from 'lucide-react';
import type { Pane } from '../app/pane.ts';
import { ModelsPane } from './ModelsPane.tsx';
import './models.css';

export const modelsPane: Pane = {
  id: 'models',
  title: 'Models',
  icon: Boxes,
  place: null,
  quiet: true,
  keys: ['Mod+Alt+6'],
  Component: ModelsPane,
};
