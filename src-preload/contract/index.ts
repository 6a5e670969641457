// Everything that crosses between the window and the main process: one domain a file.
import { app } from './app.ts';
import { chat } from './chat.ts';
import { compose } from './compose.ts';
import { files } from './files.ts';
import { gallery } from './gallery.ts';
import { grammars } from './grammars.ts';
import type { Client } from './ipc.ts';
import { memory } from './memory.ts';
import { models } from './models.ts';
import { painting } from './painting.ts';
import { projects } from './projects.ts';
import { settings } from './settings.ts';

export const contract = {
  app,
  chat,
  compose,
  files,
  gallery,
  grammars,
  memory,
  models,
  painting,
  projects,
  settings,
};

export type StudioClient = Client<typeof contract>;
