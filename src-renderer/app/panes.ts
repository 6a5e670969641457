// Every pane of the studio, one line each, in the order of the View menu.
import { canvasPane } from '../canvas/index.ts';
import { chatPane } from '../chat/index.ts';
import { galleryPane } from '../gallery/index.ts';
import { modelsPane } from '../models/index.ts';
import { rollPane } from '../piano-roll/index.ts';
import { queuePane } from '../queue/index.ts';
import { settingsPane } from '../settings/index.ts';
import type { Pane } from './pane.ts';

export const panes: readonly Pane[] = [
  canvasPane,
  rollPane,
  chatPane,
  queuePane,
  galleryPane,
  modelsPane,
  settingsPane,
];
