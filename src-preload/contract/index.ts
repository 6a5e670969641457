// Everything that crosses between the window and the main process: one domain a file.
import { app } from './app.ts';
import { files } from './files.ts';
import type { Bridge, Client } from './ipc.ts';
import { painting } from './painting.ts';
import { projects } from './projects.ts';

export const contract = { app, files, painting, projects };

export type StudioContract = typeof contract;
export type StudioBridge = Bridge<StudioContract>;
export type StudioClient = Client<StudioContract>;
