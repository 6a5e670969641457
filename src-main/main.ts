// The studio's entry: opens the window, and loads all that the window may ask for while its process starts.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, Menu, session } from 'electron';
import { dataDir } from './library/paths.ts';
import { GivenProject, givenProject } from './window/given-file.ts';
import { registerScheme, serveApp } from './window/protocol.ts';
import { denyPermissions, guardContents } from './window/security.ts';
import { openWindow } from './window/window.ts';

const here = dirname(fileURLToPath(import.meta.url));
const state = join(dataDir(), 'studio');
const gallery = join(dataDir(), 'gallery');

app.setName('Sluice');
app.setPath('userData', join(state, 'browser'));
// Chromium cannot sandbox the superuser's processes; whoever starts it so has asked for it by this switch.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
registerScheme();
guardContents();

const given = new GivenProject(givenProject(process.argv.slice(1), process.cwd()));

async function start(): Promise<void> {
  mkdirSync(state, { recursive: true });
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null);
  denyPermissions(session.defaultSession);
  // The page's scripts wait until what they will ask for is there.
  let open = (): void => undefined;
  const served = new Promise<void>((resolve) => (open = resolve));
  serveApp(session.defaultSession, { page: join(here, '..', 'renderer'), gallery }, served);
  const window = openWindow({ preload: join(here, '..', 'preload', 'index.cjs'), state });
  const { startStudio } = await import('./studio.ts');
  startStudio(window, { gallery, state, paintingChild: join(here, 'painting-child.js') }, given);
  open();
}

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', (_, args, folder) => {
    const path = givenProject(args.slice(1), folder);
    if (path !== null) given.give(path);
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized() === true) window.restore();
    window?.focus();
  });
  app.on('open-file', (event, path) => {
    event.preventDefault(); // how a Mac gives files
    given.give(path);
  });
  app.on('window-all-closed', () => app.quit());
  app
    .whenReady()
    .then(start)
    .catch((error: unknown) => {
      console.error(error); // a window without services would take work and lose it
      app.exit(1);
    });
} else {
  console.error('Sluice is running already; its window comes to the front.');
  app.quit();
}
