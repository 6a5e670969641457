// Which panes are shown where, which one is active; kept between starts.
import { create } from 'zustand';
import {
  healLayout,
  hidePane,
  isShown,
  type Layout,
  placePane,
  showPane,
  type Side,
  toggleAlone,
} from '../../core/layout.ts';
import type { Pane } from '../pane.ts';

interface LayoutStore extends Layout {
  active: string; // the pane whose shortcuts count
}

const STORAGE = 'sluice.layout';

export const useLayout = create<LayoutStore>()(() => ({ columns: [], alone: null, active: '' }));

// Below which pane another one comes when it is asked for.
const homes = new Map<string, string>();

let usual: Layout = { columns: [], alone: null };

function usualLayout(panes: readonly Pane[]): Layout {
  const columns: string[][] = [];
  for (const { id, place } of panes) if (place !== null) (columns[place] ??= []).push(id);
  return { columns: columns.filter((column) => column.length > 0), alone: null };
}

// Once, before the first drawing: panes know commands and commands know the layout, so it cannot know the panes.
export function startLayout(panes: readonly Pane[]): void {
  usual = usualLayout(panes);
  for (const { id, under } of panes) if (under !== undefined) homes.set(id, under);
  let kept: Layout | null = null;
  try {
    kept = healLayout(
      JSON.parse(localStorage.getItem(STORAGE) ?? 'null'),
      panes.map(({ id }) => id),
    );
  } catch {
    // settings heal
  }
  useLayout.setState({ ...(kept ?? usual), active: panes[0]?.id ?? '' });
}

function change(next: Layout, active?: string): void {
  useLayout.setState({ ...next, ...(active === undefined ? {} : { active }) });
  localStorage.setItem(STORAGE, JSON.stringify({ columns: next.columns, alone: next.alone }));
}

const now = (): Layout => {
  const { columns, alone } = useLayout.getState();
  return { columns, alone };
};

function shown(id: string): Layout {
  const layout = now();
  const home = homes.get(id);
  return home === undefined || isShown(layout, id) || !isShown(layout, home)
    ? showPane(layout, id)
    : placePane(layout, id, home, 'below');
}

export const layoutCommands = {
  show: (id: string): void => change(shown(id), id),
  hide: (id: string): void => change(hidePane(now(), id)),
  toggle: (id: string): void => (isShown(now(), id) ? layoutCommands.hide(id) : layoutCommands.show(id)),
  alone: (id: string): void => change(toggleAlone(now(), id), id),
  place: (id: string, beside: string, side: Side): void => change(placePane(now(), id, beside, side), id),
  reset: (): void => change(usual),
  activate: (id: string): void => {
    if (useLayout.getState().active !== id) useLayout.setState({ active: id });
  },
};
