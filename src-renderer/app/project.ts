// The open project: read at the start, kept on the disk as it changes, saved and opened by commands.
import { create } from 'zustand';
import type { OpenedProject, ProjectState } from '../../src-preload/contract/projects.ts';
import { emptyDocument, studioDocument } from '../core/document.ts';
import { addAsset, assetFile, onAsset } from './assets.ts';
import { registerCommands, runCommand } from './commands/table.ts';
import { currentDocument, useDocument } from './document.ts';
import { setGhost } from './ghost.ts';
import { tell, tellFailure } from './notices.ts';
import { studio } from './studio.ts';

export const useProject = create<ProjectState>()(() => ({ name: 'Untitled', saved: true }));

// What was last handed over; a change is kept within this time.
const KEEP_MS = 400;
let timer: ReturnType<typeof setTimeout> | null = null;

const documentText = (): string => JSON.stringify(currentDocument());

function keepNow(): void {
  if (timer === null) return;
  clearTimeout(timer);
  timer = null;
  studio.projects.keep(documentText()).then((state) => useProject.setState(state), tellFailure);
}

function keepSoon(): void {
  if (useProject.getState().saved) useProject.setState({ saved: false });
  timer ??= setTimeout(keepNow, KEEP_MS);
}

async function show(project: OpenedProject): Promise<void> {
  for (const { file } of project.assets) await addAsset(file);
  const document = project.document === null ? null : studioDocument.parse(JSON.parse(project.document));
  setGhost(null); // what was proposed for another project is none for this one
  useDocument.getState().replace(document ?? emptyDocument());
  if (timer !== null) clearTimeout(timer);
  timer = null;
  useProject.setState({ name: project.name, saved: project.saved });
  runCommand('canvas.fit');
}

// Resolves when what was open is shown. A document that cannot be read stays on the disk until something is drawn.
export async function startProject(): Promise<() => void> {
  try {
    const project = await studio.projects.current();
    await show(project);
    if (project.document !== null && !project.saved)
      tell('Your work is as you left it; it is not saved to a file yet.');
  } catch (error) {
    tellFailure(error);
  }
  const leave = [
    useDocument.subscribe((now, before) => {
      if (now.history.present !== before.history.present) keepSoon();
    }),
    onAsset((id) => {
      const file = assetFile(id);
      if (file !== undefined) studio.projects.putAsset({ id, file }).catch(tellFailure);
    }),
  ];
  leave.push(studio.projects.given(() => void change(() => studio.projects.openGiven()).catch(tellFailure)));
  window.addEventListener('pagehide', keepNow);
  return () => {
    leave.forEach((stop) => stop());
    window.removeEventListener('pagehide', keepNow);
  };
}

async function change(ask: () => Promise<OpenedProject | null>): Promise<void> {
  keepNow();
  const project = await ask();
  if (project !== null) await show(project);
}

async function save(as: boolean): Promise<void> {
  const state = await studio.projects.save({ document: documentText(), as });
  if (state === null) return;
  useProject.setState(state);
  tell(`Saved as ${state.name}.`);
}

registerCommands([
  {
    id: 'project.new',
    title: 'New project',
    menu: 'Project',
    keys: ['Mod+N'],
    run: () => void change(() => studio.projects.create()).catch(tellFailure),
  },
  {
    id: 'project.open',
    title: 'Open project…',
    menu: 'Project',
    keys: ['Mod+O'],
    run: () => void change(() => studio.projects.open()).catch(tellFailure),
  },
  {
    id: 'project.save',
    title: 'Save project',
    menu: 'Project',
    keys: ['Mod+S'],
    whileTyping: true,
    run: () => void save(false).catch(tellFailure),
  },
  {
    id: 'project.save-as',
    title: 'Save project as…',
    menu: 'Project',
    keys: ['Mod+Shift+S'],
    whileTyping: true,
    run: () => void save(true).catch(tellFailure),
  },
]);
