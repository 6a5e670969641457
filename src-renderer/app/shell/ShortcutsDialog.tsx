// All shortcuts: searched, changed, set back.
import { RotateCcw, X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { useState } from 'react';
import { IconButton } from '../../ui/IconButton.tsx';
import { keyOf, showKey } from '../commands/keys.ts';
import { allCommands, changeShortcut, type Command, keysOf, useShortcuts } from '../commands/table.ts';
import { openDialog, useDialogs } from './dialogs.ts';

const modifiers = new Set(['Control', 'Shift', 'Alt', 'Meta']);

function Row({ command }: { command: Command }) {
  const changed = useShortcuts((state) => state.changed[command.id] !== undefined);
  const [listening, setListening] = useState(false);
  const keys = keysOf(command);
  return (
    <li className="shortcut">
      <span>{command.title}</span>
      <button
        type="button"
        className="shortcut-keys"
        aria-label={`Change the shortcut of ${command.title}, now ${keys.map(showKey).join(' or ') || 'none'}`}
        onClick={() => setListening(true)}
        onBlur={() => setListening(false)}
        onKeyDown={(event) => {
          if (!listening || modifiers.has(event.key)) return;
          event.preventDefault();
          event.stopPropagation();
          setListening(false);
          if (event.key === 'Escape') return;
          changeShortcut(command.id, event.key === 'Backspace' ? [] : [keyOf(event.nativeEvent)]);
        }}
      >
        {listening
          ? 'Press keys…'
          : keys.length === 0
            ? '–'
            : keys.map((key) => <kbd key={key}>{showKey(key)}</kbd>)}
      </button>
      {changed && (
        <IconButton
          label="Set back"
          icon={RotateCcw}
          size={13}
          onClick={() => changeShortcut(command.id, null)}
        />
      )}
    </li>
  );
}

export function ShortcutsDialog() {
  const open = useDialogs((state) => state.open === 'shortcuts');
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const found = allCommands().filter(
    (command) =>
      command.title.toLowerCase().includes(wanted) ||
      keysOf(command).some((key) => showKey(key).toLowerCase() === wanted),
  );
  return (
    <Dialog.Root open={open} onOpenChange={(next) => openDialog(next ? 'shortcuts' : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog shortcuts">
          <div className="dialog-head">
            <Dialog.Title>Keyboard shortcuts</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton label="Close" icon={X} />
            </Dialog.Close>
          </div>
          <Dialog.Description>
            Press a shortcut to change it; Backspace takes it away, Escape leaves it as it is.
          </Dialog.Description>
          <input
            className="field"
            type="search"
            aria-label="Search shortcuts"
            placeholder="Search by name or keys…"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          <ul>
            {found.map((command) => (
              <Row key={command.id} command={command} />
            ))}
          </ul>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
