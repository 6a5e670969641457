// Every available command, found by typing.
import { Command as Cmdk } from 'cmdk';
import { Dialog } from 'radix-ui';
import { showKey } from '../commands/keys.ts';
import { allCommands, isAvailable, keysOf, runCommand } from '../commands/table.ts';
import { openDialog, useDialogs } from './dialogs.ts';

export function Palette() {
  const open = useDialogs((state) => state.open === 'palette');
  return (
    <Dialog.Root open={open} onOpenChange={(next) => openDialog(next ? 'palette' : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="palette" aria-describedby={undefined}>
          <Dialog.Title className="visually-hidden">Find a command</Dialog.Title>
          <Cmdk label="Find a command" loop>
            <Cmdk.Input placeholder="Find a command…" autoFocus />
            <Cmdk.List label="Commands">
              <Cmdk.Empty>No command of that name.</Cmdk.Empty>
              {allCommands()
                .filter((command) => command.id !== 'view.palette' && isAvailable(command))
                .map((command) => {
                  const [key] = keysOf(command);
                  return (
                    <Cmdk.Item
                      key={command.id}
                      value={`${command.title} ${command.menu ?? ''}`}
                      onSelect={() => {
                        openDialog(null);
                        // The dialog gives the focus back first.
                        setTimeout(() => runCommand(command.id), 0);
                      }}
                    >
                      <span>{command.title}</span>
                      {command.menu !== undefined && <span className="palette-group">{command.menu}</span>}
                      {key !== undefined && <kbd>{showKey(key)}</kbd>}
                    </Cmdk.Item>
                  );
                })}
            </Cmdk.List>
          </Cmdk>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
