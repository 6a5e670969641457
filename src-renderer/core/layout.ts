// How panes share the window: columns from left to right, each a stack of panes from the top down. A pane stands in
// one place at most; columns without panes do not exist.
export interface Layout {
  readonly columns: readonly (readonly string[])[];
  readonly alone: string | null; // this pane has the window to itself
}

const withoutPane = (columns: Layout['columns'], id: string): string[][] =>
  columns.map((column) => column.filter((pane) => pane !== id)).filter((column) => column.length > 0);

export const isShown = ({ columns }: Layout, id: string): boolean =>
  columns.some((column) => column.includes(id));

export const shownPanes = ({ columns }: Layout): string[] => columns.flat();

export type Side = 'left' | 'right' | 'above' | 'below';

// Puts the pane beside another one: in a column of its own, or in the other's stack.
export function placePane(layout: Layout, id: string, beside: string, side: Side): Layout {
  if (id === beside) return layout;
  const columns = withoutPane(layout.columns, id);
  const at = columns.findIndex((column) => column.includes(beside));
  const column = columns[at];
  if (column === undefined) return layout;
  if (side === 'left' || side === 'right') {
    columns.splice(side === 'left' ? at : at + 1, 0, [id]);
  } else {
    const row = column.indexOf(beside);
    columns[at] = column.toSpliced(side === 'above' ? row : row + 1, 0, id);
  }
  return { columns, alone: layout.alone === null ? null : id };
}

export function showPane(layout: Layout, id: string): Layout {
  const alone = layout.alone === null ? null : id;
  if (isShown(layout, id)) return layout.alone === alone ? layout : { ...layout, alone };
  return { columns: [...layout.columns, [id]], alone };
}

// The last pane stays: an empty window is of no use.
export function hidePane(layout: Layout, id: string): Layout {
  const columns = withoutPane(layout.columns, id);
  if (columns.length === 0) return layout;
  return { columns, alone: layout.alone === id ? null : layout.alone };
}

export const toggleAlone = (layout: Layout, id: string): Layout => ({
  ...showPane({ ...layout, alone: null }, id),
  alone: layout.alone === id ? null : id,
});

// A kept layout with panes that there are, each once; null when nothing of it is left.
export function healLayout(kept: unknown, known: readonly string[]): Layout | null {
  if (typeof kept !== 'object' || kept === null || !('columns' in kept) || !Array.isArray(kept.columns))
    return null;
  const seen = new Set<string>();
  const columns = kept.columns
    .map((column: unknown) =>
      (Array.isArray(column) ? column : []).filter((pane: unknown): pane is string => {
        if (typeof pane !== 'string' || !known.includes(pane) || seen.has(pane)) return false;
        seen.add(pane);
        return true;
      }),
    )
    .filter((column) => column.length > 0);
  if (columns.length === 0) return null;
  const alone = 'alone' in kept && typeof kept.alone === 'string' && seen.has(kept.alone) ? kept.alone : null;
  return { columns, alone };
}
