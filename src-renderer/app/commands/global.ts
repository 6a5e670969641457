// Commands of the shell itself.
import { panes } from '../panes.ts';
import { layoutCommands, useLayout } from '../shell/layout.ts';
import { openDialog } from '../shell/dialogs.ts';
import { redoStep, undoStep, useDocument } from '../document.ts';
import { tellFailure } from '../notices.ts';
import { studio } from '../studio.ts';
import { setTheme } from '../theme.ts';
import { registerCommands } from './table.ts';

registerCommands([
  {
    id: 'edit.undo',
    title: 'Undo',
    menu: 'Edit',
    keys: ['Mod+Z'],
    available: () => useDocument.getState().history.past.length > 0,
    run: undoStep,
  },
  {
    id: 'edit.redo',
    title: 'Redo',
    menu: 'Edit',
    keys: ['Mod+Shift+Z', 'Mod+Y'],
    available: () => useDocument.getState().history.future.length > 0,
    run: redoStep,
  },
  {
    id: 'view.palette',
    title: 'Find a command…',
    menu: 'Help',
    keys: ['Mod+K', 'Mod+Shift+P'],
    whileTyping: true,
    run: () => openDialog('palette'),
  },
  {
    id: 'help.shortcuts',
    title: 'Keyboard shortcuts…',
    menu: 'Help',
    keys: ['Shift+?'],
    run: () => openDialog('shortcuts'),
  },
  ...panes.map(({ id, title, keys }) => ({
    id: `view.show-${id}`,
    title: `Show or hide ${title.toLowerCase()}`,
    menu: 'View' as const,
    ...(keys === undefined ? {} : { keys }),
    whileTyping: true,
    run: () => layoutCommands.toggle(id),
  })),
  {
    id: 'view.alone',
    title: 'Give the active pane the whole window, or back',
    menu: 'View',
    keys: ['Mod+Shift+F'],
    whileTyping: true,
    run: () => layoutCommands.alone(useLayout.getState().active),
  },
  { id: 'view.reset', title: 'Usual arrangement of panes', menu: 'View', run: layoutCommands.reset },
  { id: 'view.theme-system', title: 'Theme: as the system', menu: 'View', run: () => setTheme('system') },
  { id: 'view.theme-light', title: 'Theme: light', menu: 'View', run: () => setTheme('light') },
  { id: 'view.theme-dark', title: 'Theme: dark', menu: 'View', run: () => setTheme('dark') },
  {
    id: 'app.quit',
    title: 'Quit',
    menu: 'Project',
    keys: ['Mod+Q'],
    whileTyping: true,
    run: () => void studio.app.quit().catch(tellFailure),
  },
]);
