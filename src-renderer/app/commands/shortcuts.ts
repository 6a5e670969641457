// Listens for keys and runs the command whose they are.
import { useLayout } from '../shell/layout.ts';
import { belongsToControl, isTyping, keyOf, normalizeKey } from './keys.ts';
import { allCommands, type Command, isAvailable, keysOf } from './table.ts';

function find(pressed: string, typing: boolean): Command | undefined {
  const { active } = useLayout.getState();
  const fitting = allCommands().filter(
    (command) =>
      keysOf(command).some((key) => normalizeKey(key) === pressed) &&
      (command.pane === undefined || command.pane === active) &&
      (!typing || command.whileTyping === true) &&
      isAvailable(command),
  );
  // The active pane's own command goes first.
  return fitting.find(({ pane }) => pane !== undefined) ?? fitting[0];
}

export function listenForShortcuts(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return;
    const pressed = keyOf(event);
    if (belongsToControl(event.target, pressed)) return;
    if (document.querySelector('[role="dialog"], [role="menu"]') !== null) return;
    const command = find(pressed, isTyping(event.target));
    if (command === undefined) return;
    event.preventDefault();
    command.run();
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}
