// The panes in their columns, with borders that can be dragged (or moved by arrow keys), headers that can be dragged
// onto another pane, and one pane alone when asked.
import { Maximize2, Minimize2, MoveLeft, MoveRight, X } from 'lucide-react';
import { Fragment, Suspense, useState } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { shownPanes, type Side } from '../../core/layout.ts';
import { IconButton } from '../../ui/IconButton.tsx';
import type { Pane } from '../pane.ts';
import { panes } from '../panes.ts';
import { layoutCommands, useLayout } from './layout.ts';

const paneOf = (id: string): Pane | undefined => panes.find((pane) => pane.id === id);
const DRAGGED = 'application/x-sluice-pane';

// Which side of a pane the pointer is nearest to.
function sideAt(event: React.DragEvent): Side {
  const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
  const x = (event.clientX - left) / width;
  const y = (event.clientY - top) / height;
  const distances: [Side, number][] = [
    ['left', x],
    ['right', 1 - x],
    ['above', y],
    ['below', 1 - y],
  ];
  return distances.reduce((nearest, next) => (next[1] < nearest[1] ? next : nearest))[0];
}

function PaneFrame({ pane }: { pane: Pane }) {
  const { id, title, icon: Icon, Component } = pane;
  const layout = useLayout();
  const [drop, setDrop] = useState<Side | null>(null);
  const isAlone = layout.alone === id;
  const order = shownPanes(layout);
  const at = order.indexOf(id);
  const left = order[at - 1];
  const right = order[at + 1];
  return (
    <section
      className={`pane ${layout.active === id ? 'pane-active' : ''}`}
      aria-label={title}
      data-pane={id}
      onPointerDownCapture={() => layoutCommands.activate(id)}
      onFocusCapture={() => layoutCommands.activate(id)}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAGGED)) return;
        event.preventDefault();
        setDrop(sideAt(event));
      }}
      onDragLeave={() => setDrop(null)}
      onDrop={(event) => {
        const dragged = event.dataTransfer.getData(DRAGGED);
        if (dragged === '') return;
        event.preventDefault();
        layoutCommands.place(dragged, id, sideAt(event));
        setDrop(null);
      }}
    >
      <header
        className="pane-header"
        draggable={!isAlone}
        onDragStart={(event) => {
          event.dataTransfer.setData(DRAGGED, id);
          event.dataTransfer.effectAllowed = 'move';
        }}
        onDoubleClick={() => layoutCommands.alone(id)}
      >
        <Icon size={14} aria-hidden />
        <h2>{title}</h2>
        <div className="pane-actions">
          {!isAlone && left !== undefined && (
            <IconButton
              label={`Move ${title} left`}
              icon={MoveLeft}
              size={13}
              onClick={() => layoutCommands.place(id, left, 'left')}
            />
          )}
          {!isAlone && right !== undefined && (
            <IconButton
              label={`Move ${title} right`}
              icon={MoveRight}
              size={13}
              onClick={() => layoutCommands.place(id, right, 'right')}
            />
          )}
          <IconButton
            label={isAlone ? 'Show all panes' : `Show ${title} alone`}
            icon={isAlone ? Minimize2 : Maximize2}
            size={13}
            onClick={() => layoutCommands.alone(id)}
          />
          {order.length > 1 && (
            <IconButton label={`Hide ${title}`} icon={X} size={14} onClick={() => layoutCommands.hide(id)} />
          )}
        </div>
      </header>
      <div className="pane-body">
        <Suspense fallback={null}>
          <Component />
        </Suspense>
      </div>
      {drop !== null && <div className={`drop-zone drop-${drop}`} aria-hidden />}
    </section>
  );
}

// Canvas and roll ask for most of the room.
const share = (column: readonly string[]): number =>
  column.includes('canvas') || column.includes('roll') ? 74 : 26;

// The queue needs little; what is read and worked in gets the rest.
const rowShare = (column: readonly string[], id: string): number => {
  const weight = (each: string): number => (each === 'queue' ? 1 : 2.2);
  return (100 * weight(id)) / column.reduce((sum, each) => sum + weight(each), 0);
};

export function PaneGrid() {
  const { columns, alone } = useLayout();
  const single = alone === null ? undefined : paneOf(alone);
  if (single !== undefined) {
    return (
      <main className="panes">
        <PaneFrame pane={single} />
      </main>
    );
  }
  const total = columns.reduce((sum, column) => sum + share(column), 0);
  return (
    <main className="panes">
      <Group orientation="horizontal" id="columns" key={columns.map((column) => column.join()).join('|')}>
        {columns.map((column, index) => (
          <Fragment key={column.join()}>
            {index > 0 && <Separator className="separator" aria-label="Width of panes" />}
            <Panel id={column.join()} defaultSize={`${(100 * share(column)) / total}%`} minSize="220px">
              <Group orientation="vertical" id={`stack-${column.join()}`}>
                {column.map((id, row) => {
                  const pane = paneOf(id);
                  return pane === undefined ? null : (
                    <Fragment key={id}>
                      {row > 0 && <Separator className="separator" aria-label="Height of panes" />}
                      <Panel id={id} defaultSize={`${rowShare(column, id)}%`} minSize="120px">
                        <PaneFrame pane={pane} />
                      </Panel>
                    </Fragment>
                  );
                })}
              </Group>
            </Panel>
          </Fragment>
        ))}
      </Group>
    </main>
  );
}
