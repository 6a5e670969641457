// The open project: read at the start, kept on the disk as it changes, saved and opened by commands.
import { create } from 'zustand';
import type { OpenedProject, ProjectState } from '../../src-preload/contract/projects.ts';
import { assetsOf } from '../core/canvas/assets.ts';
import { emptyDocument, studioDocument } from '../core/document.ts';
import { addAsset, assetFile, forgetAssets, knownAssets, onAsset } from './assets.ts';
import { registerCommands, runCommand } from './commands/table.ts';
import { currentDocument, useDocument } from './document.ts';
import { keepSoon } from './keeping.ts';
import { setGhost } from './ghost.ts';
import { tell, tellFailure } from './notices.ts';
import { studio } from './studio.ts';

export const useProject = create<ProjectState>()(() => ({ name: 'Untitled', saved: true }));

// A change is handed over within this time where no other one is being written. With what writing takes on a busy
// machine it stays well below the second that may be lost in a crash.
const KEEP_MS = 150;

const documentText = (): string => JSON.stringify(currentDocument());

const keeping = keepSoon(KEEP_MS, () =>
  studio.projects.keep(documentText()).then((state) => useProject.setState(state), tellFailure),
);

function changed(): void {
  if (useProject.getState().saved) useProject.setState({ saved: false });
  keeping.changed();
}

// Pictures that no step of the history leads back to are let go, some at a time: looking for them costs a walk through it.
const LET_GO_EVERY = 16;

function letGoOfAssets(newest: number): void {
  const { present, past, future } = useDocument.getState().history;
  const documents = [present, ...[...past, ...future].map(({ other }) => other)];
  forgetAssets(assetsOf(documents.map(({ canvas }) => canvas)), newest);
}

async function show(project: OpenedProject): Promise<void> {
  await Promise.all(project.assets.map(({ file }) => addAsset(file)));
  const document = project.document === null ? null : studioDocument.parse(JSON.parse(project.document));
  setGhost(null); // what was proposed for another project is none for this one
  useDocument.getState().replace(document ?? emptyDocument());
  keeping.drop();
  letGoOfAssets(0);
  useProject.setState({ name: project.name, saved: project.saved });
  runCommand('canvas.fit');
}

// Asked for before anything is drawn, so that it is there when it is needed.
const asked = studio.projects.current();
asked.catch(() => undefined); // told where it is awaited

// Resolves when what was open is there: before, nothing could be drawn on it that would not be lost. A document that
// cannot be read stays on the disk until something is drawn.
export async function startProject(): Promise<void> {
  try {
    const project = await asked;
    await show(project);
    if (project.document !== null && !project.saved)
      tell('Your work is as you left it; it is not saved to a file yet.');
  } catch (error) {
    tellFailure(error);
  }
  useDocument.subscribe((now, before) => {
    if (now.history.present !== before.history.present) changed();
  });
  onAsset((id) => {
    const file = assetFile(id);
    if (file !== undefined) studio.projects.putAsset({ id, file }).catch(tellFailure);
    if (knownAssets().length % LET_GO_EVERY === 0) letGoOfAssets(LET_GO_EVERY);
  });
  studio.projects.given(() => void change(() => studio.projects.openGiven()).catch(tellFailure));
  window.addEventListener('pagehide', keeping.now);
}

async function change(ask: () => Promise<OpenedProject | null>): Promise<void> {
  keeping.now();
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
