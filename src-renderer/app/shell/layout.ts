// Which panes are shown where, which one is active; kept between starts.
import { create } from 'zustand';
import { healLayout, hidePane, isShown, type Layout, placePane, showPane, type Side, toggleAlone } from '../../core/layout.ts';
import { panes } from '../panes.ts';

interface LayoutStore extends Layout {
  active: string; // the pane whose shortcuts count
}

const STORAGE = 'sluice.layout';

export const usualLayout = (): Layout => {
  const columns: string[][] = [];
  for (const { id, place } of panes) {
    if (place === null) continue;
    (columns[place] ??= []).push(id);
  }
  return { columns: columns.filter(Boolean), alone: null };
};

function keptLayout(): Layout {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE) ?? 'null');
    return healLayout(kept, panes.map(({ id }) => id)) ?? usualLayout();
  } catch {
    return usualLayout();
  }
}

export const useLayout = create<LayoutStore>()(() => ({ ...keptLayout(), active: 'canvas' }));

function change(next: Layout, active?: string): void {
  useLayout.setState({ ...next, ...(active === undefined ? {} : { active }) });
  localStorage.setItem(STORAGE, JSON.stringify({ columns: next.columns, alone: next.alone }));
}

const now = (): Layout => {
  const { columns, alone } = useLayout.getState();
  return { columns, alone };
};

export const layoutCommands = {
  show: (id: string): void => change(showPane(now(), id), id),
  hide: (id: string): void => change(hidePane(now(), id)),
  toggle: (id: string): void => (isShown(now(), id) ? layoutCommands.hide(id) : layoutCommands.show(id)),
  alone: (id: string): void => change(toggleAlone(now(), id), id),
  place: (id: string, beside: string, side: Side): void => change(placePane(now(), id, beside, side), id),
  reset: (): void => change(usualLayout()),
  activate: (id: string): void => {
    if (useLayout.getState().active !== id) useLayout.setState({ active: id });
  },
};
