import { Settings } from 'lucide-react';
import type { Pane } from '../app/pane.ts';
import { SettingsPane } from './SettingsPane.tsx';
import './settings.css';

export const settingsPane: Pane = {
  id: 'settings',
  title: 'Settings',
  icon: Settings,
  place: null,
  quiet: true,
  keys: ['Mod+,'],
  Component: SettingsPane,
};
