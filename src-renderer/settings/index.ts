import { Settings } from 'lucide-react';
import { lazy } from 'react';
import type { Pane } from '../app/pane.ts';
import './settings.css';

export const settingsPane: Pane = {
  id: 'settings',
  title: 'Settings',
  icon: Settings,
  place: null,
  quiet: true,
  keys: ['Mod+,'],
  Component: lazy(() =>
    import('./SettingsPane.tsx').then(({ SettingsPane: Component }) => ({ default: Component })),
  ),
};
