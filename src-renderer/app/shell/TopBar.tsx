// The bar over the panes: menus from the command table, undo and redo, which panes are shown.
import { Redo2, Search, Undo2 } from 'lucide-react';
import { Menubar } from 'radix-ui';
import { useState } from 'react';
import {
  allCommands,
  type Command,
  isAvailable,
  keysOf,
  runCommand,
  useShortcuts,
} from '../commands/table.ts';
import { showKey } from '../commands/keys.ts';
import { useDocument } from '../document.ts';
import { panes } from '../panes.ts';
import { IconButton } from '../../ui/IconButton.tsx';
import { isShown } from '../../core/layout.ts';
import { openDialog } from './dialogs.ts';
import { layoutCommands, useLayout } from './layout.ts';
import { ProjectTitle } from './ProjectTitle.tsx';
import { JobBadge } from './JobBadge.tsx';

const menus = ['Project', 'Edit', 'View', 'Paint', 'Music', 'Chat', 'Help'] as const;

function MenuCommand({ command }: { command: Command }) {
  const [key] = keysOf(command);
  return (
    <Menubar.Item
      className="menu-item"
      disabled={!isAvailable(command)}
      onSelect={() => runCommand(command.id)}
    >
      <span>{command.title}</span>
      {key !== undefined && <kbd>{showKey(key)}</kbd>}
    </Menubar.Item>
  );
}

function Menus() {
  useShortcuts();
  const [open, setOpen] = useState(''); // items are made anew at each opening, so that they know what is available
  const filled = menus.map((name) => ({ name, commands: allCommands().filter(({ menu }) => menu === name) }));
  return (
    <Menubar.Root className="menubar" value={open} onValueChange={setOpen} aria-label="Menus">
      {filled
        .filter(({ commands }) => commands.length > 0)
        .map(({ name, commands }) => (
          <Menubar.Menu key={name} value={name}>
            <Menubar.Trigger className="menu-trigger">{name}</Menubar.Trigger>
            <Menubar.Portal>
              <Menubar.Content className="menu" align="start" sideOffset={6}>
                {commands.map((command) => (
                  <MenuCommand key={command.id} command={command} />
                ))}
              </Menubar.Content>
            </Menubar.Portal>
          </Menubar.Menu>
        ))}
    </Menubar.Root>
  );
}

function PaneSwitch() {
  const layout = useLayout();
  return (
    <div className="pane-switch" role="group" aria-label="Panes">
      {panes.map(({ id, title, icon: Icon, quiet }) => (
        <button
          key={id}
          type="button"
          className="pane-toggle"
          title={title}
          aria-pressed={isShown(layout, id)}
          onClick={() => layoutCommands.toggle(id)}
        >
          <Icon size={15} aria-hidden />
          <span className={quiet === true ? 'visually-hidden' : ''}>{title}</span>
        </button>
      ))}
    </div>
  );
}

export function TopBar() {
  const past = useDocument(({ history }) => history.past.at(-1));
  const future = useDocument(({ history }) => history.future.at(-1));
  return (
    <header className="topbar">
      <h1 className="brand">
        <BrandMark /> Sluice
      </h1>
      <Menus />
      <ProjectTitle />
      <div className="topbar-end">
        <JobBadge />
        <IconButton
          label={past === undefined ? 'Undo' : `Undo: ${past.label}`}
          icon={Undo2}
          disabled={past === undefined}
          onClick={() => runCommand('edit.undo')}
        />
        <IconButton
          label={future === undefined ? 'Redo' : `Redo: ${future.label}`}
          icon={Redo2}
          disabled={future === undefined}
          onClick={() => runCommand('edit.redo')}
        />
        <IconButton label="Find a command" icon={Search} onClick={() => openDialog('palette')} />
        <PaneSwitch />
      </div>
    </header>
  );
}

// Water through a gate.
function BrandMark() {
  return (
    <svg className="brand-mark" viewBox="0 0 24 24" width="18" height="18" aria-hidden>
      <path d="M3 4h18v3H3z" fill="currentColor" opacity="0.9" />
      <path
        d="M6 8v6c0 3 2 3 2 6M12 8v12M18 8v6c0 3-2 3-2 6"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  );
}
