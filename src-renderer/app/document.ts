// The open document and its history, as the window's one store of it.
import { create } from 'zustand';
import { emptyDocument, on, type StudioDocument } from '../core/document.ts';
import {
  type Action,
  amend,
  beginHistory,
  type History,
  perform,
  redo,
  seal,
  undo,
} from '../core/history.ts';

interface DocumentStore {
  history: History<StudioDocument>;
  replace(document: StudioDocument): void; // another project: its history begins anew
}

export const useDocument = create<DocumentStore>()((set) => ({
  history: beginHistory(emptyDocument()),
  replace: (document) => set({ history: beginHistory(document) }),
}));

const change = (how: (history: History<StudioDocument>) => History<StudioDocument>): void =>
  useDocument.setState(({ history }) => {
    const next = how(history);
    return next === history ? {} : { history: next };
  });

export const currentDocument = (): StudioDocument => useDocument.getState().history.present;

export const performAction = (action: Action<StudioDocument>): void =>
  change((history) => perform(history, action));

export const performOn = <P extends keyof StudioDocument>(part: P, action: Action<StudioDocument[P]>): void =>
  performAction(on(part, action));

// Something that happened to a part and cannot be undone: no step.
export function recordOn<P extends keyof StudioDocument>(
  part: P,
  event: (part: StudioDocument[P]) => StudioDocument[P],
): void {
  // Most steps did not touch this part: they share it, and go on sharing it.
  const changed = new Map<StudioDocument[P], StudioDocument[P]>();
  const once = (before: StudioDocument[P]): StudioDocument[P] => {
    const after = changed.get(before) ?? event(before);
    changed.set(before, after);
    return after;
  };
  change((history) => amend(history, (document) => on(part, { label: '', apply: once }).apply(document)));
}

// A gesture that was merged into one step is over.
export const sealStep = (): void => change(seal);
export const undoStep = (): void => change(undo);
export const redoStep = (): void => change(redo);

export const usePart = <P extends keyof StudioDocument>(part: P): StudioDocument[P] =>
  useDocument(({ history }) => history.present[part]);
