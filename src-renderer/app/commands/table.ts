// The one table of commands: palette, menus, shortcuts, tests and the system's requests all run what stands here.
// A pane registers its own commands when its module is loaded.
import { create } from 'zustand';

export interface Command {
  readonly id: string; // "canvas.brush"
  readonly title: string; // "Brush"
  readonly menu?: 'Project' | 'Edit' | 'View' | 'Paint' | 'Music' | 'Chat' | 'Help';
  readonly keys?: readonly string[]; // "Mod+Shift+Z", "B"; Mod is Command on a Mac and Ctrl elsewhere
  // Heard only while this pane is the active one; a command without one is heard everywhere.
  readonly pane?: string;
  readonly whileTyping?: boolean; // heard in text fields too
  readonly available?: () => boolean;
  run(): void;
}

const commands = new Map<string, Command>();

interface Shortcuts {
  changed: Readonly<Record<string, readonly string[]>>; // a person's own keys, by command
}

const STORAGE = 'sluice.shortcuts';

function keptShortcuts(): Shortcuts['changed'] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE) ?? '{}');
    if (typeof kept !== 'object' || kept === null) return {};
    return Object.fromEntries(
      Object.entries(kept).filter(
        (entry): entry is [string, string[]] =>
          Array.isArray(entry[1]) && entry[1].every((key) => typeof key === 'string'),
      ),
    );
  } catch {
    return {}; // settings heal
  }
}

export const useShortcuts = create<Shortcuts>()(() => ({ changed: keptShortcuts() }));

export function changeShortcut(id: string, keys: readonly string[] | null): void {
  const changed = Object.fromEntries(
    Object.entries(useShortcuts.getState().changed).filter(([command]) => command !== id),
  );
  if (keys !== null) changed[id] = keys;
  useShortcuts.setState({ changed });
  localStorage.setItem(STORAGE, JSON.stringify(changed));
}

export function registerCommands(list: readonly Command[]): void {
  for (const command of list) {
    if (commands.has(command.id)) throw new Error(`the command ${command.id} is registered twice`);
    commands.set(command.id, command);
  }
}

export const allCommands = (): readonly Command[] => [...commands.values()];
export const isAvailable = (command: Command): boolean => command.available?.() ?? true;
export const keysOf = (command: Command): readonly string[] =>
  useShortcuts.getState().changed[command.id] ?? command.keys ?? [];

// Runs a command by its name; false when it is unknown or not available now.
export function runCommand(id: string): boolean {
  const command = commands.get(id);
  if (command === undefined || !isAvailable(command)) return false;
  command.run();
  return true;
}
