import { ListVideo } from 'lucide-react';
import type { Pane } from '../app/pane.ts';
import { QueuePane } from './QueuePane.tsx';
import './queue.css';

export const queuePane: Pane = {
  id: 'queue',
  title: 'Queue',
  icon: ListVideo,
  place: 1,
  keys: ['Mod+Alt+4'],
  Component: QueuePane,
};
