// The studio: one window over the same services as the command line. Documents and the queue live here and in the
// window; painting runs in a child of its own.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, Menu, session } from 'electron';
import { Engine } from './engine/index.ts';
import { serveAppDomain } from './ipc/app.ts';
import { IpcBridge } from './ipc/bridge.ts';
import { CONTROLS_FOLDER, Gallery } from './gallery/gallery.ts';
import { serveFilesDomain } from './ipc/files.ts';
import { serveGalleryDomain } from './ipc/gallery.ts';
import { modelSources } from './ipc/model-sources.ts';
import { serveMemoryDomain } from './ipc/memory.ts';
import { serveModelsDomain } from './ipc/models.ts';
import { serveMusic } from './ipc/music.ts';
import { servePaintingDomain } from './ipc/painting.ts';
import { serveProjectsDomain } from './ipc/projects.ts';
import { serveSettingsDomain } from './ipc/settings.ts';
import { serveWords } from './ipc/words.ts';
import { findModels } from './library/models.ts';
import { addonPath, cacheDir, dataDir, modelFolders, resourceDir } from './library/paths.ts';
import { Projects } from './library/projects.ts';
import { spawnPaintingChild } from './painting/child/electron.ts';
import { PaintingSupervisor } from './painting/child/supervisor.ts';
import { givesWay, leased } from './painting/leases.ts';
import { PaintingOrders, requestToPlan } from './painting/orders.ts';
import { sharedArbiter } from './services/leases.ts';
import { Screenshot, screenshotPath } from './window/capture.ts';
import { givenProject } from './window/given-file.ts';
import { APP_ORIGIN, GALLERY_PREFIX } from './window/origin.ts';
import { registerScheme, serveApp } from './window/protocol.ts';
import { denyPermissions, guardContents } from './window/security.ts';
import { openWindow } from './window/window.ts';

const here = dirname(fileURLToPath(import.meta.url));
const galleryFolder = join(dataDir(), 'gallery');
const galleryUrl = (file: string): string =>
  `${APP_ORIGIN}${GALLERY_PREFIX}${file.split('/').map(encodeURIComponent).join('/')}`;
const state = join(dataDir(), 'studio');

app.setName('Sluice');
app.setPath('userData', join(state, 'browser'));
// Chromium cannot sandbox the superuser's processes; whoever starts it so has asked for it by this switch.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
registerScheme();
guardContents();

// A project that somebody opens by its file; before the window listens it waits here.
let given = givenProject(process.argv.slice(1), process.cwd());
let giveFile = (path: string): void => {
  given = path;
};

function start(): void {
  mkdirSync(state, { recursive: true });
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null);
  denyPermissions(session.defaultSession);
  serveApp(session.defaultSession, { page: join(here, '..', 'renderer'), gallery: galleryFolder });

  // First of all: its process starts while the services are made here. It asks nothing before this turn is over.
  const window = openWindow({ preload: join(here, '..', 'preload', 'index.cjs'), state });
  const bridge = new IpcBridge();
  bridge.attach(window.webContents);

  let engine: Engine | null = null;
  const loadEngine = (): Engine => (engine ??= new Engine(addonPath()));
  const leases = { arbiter: sharedArbiter, engine: loadEngine };
  const supervisor = new PaintingSupervisor(() => spawnPaintingChild(join(here, 'painting-child.js')), {
    addon: addonPath(),
    paths: { cacheDir: cacheDir(), resourceDir: resourceDir() },
  });
  const models = (): ReturnType<typeof findModels> => findModels(modelFolders());
  let screenshot: Screenshot | null = null;
  const orders = new PaintingOrders(
    {
      execute: leased(supervisor.execute, leases),
      models,
      gallery: galleryFolder,
      controls: join(galleryFolder, CONTROLS_FOLDER),
      work: join(app.getPath('temp'), `sluice-orders-${process.pid}`),
      pictureUrl: galleryUrl,
    },
    (job) => {
      emitPainting('changed', job);
      if (job.state === 'done') void tellOfPictures(job.pictures);
      screenshot?.jobChanged(job);
    },
    (id) => emitPainting('forgotten', id),
  );
  const wanted = screenshotPath(process.argv);
  const emitApp = serveAppDomain(bridge, {
    ready: () => {
      if (wanted !== null) emitApp('command', 'help.example');
      if (given !== null) giveFile(given);
    },
  });
  const emitPainting = servePaintingDomain(bridge, {
    engine: loadEngine,
    models,
    orders: () => orders,
  });

  const gallery = new Gallery({
    folder: galleryFolder,
    stars: join(state, 'stars.json'),
    url: galleryUrl,
  });
  const emitGallery = serveGalleryDomain(bridge, gallery, () => window);
  const tellOfPictures = async (painted: readonly { id: string }[]): Promise<void> => {
    const pictures = await Promise.all(painted.map(({ id }) => gallery.read(id)));
    emitGallery(
      'added',
      pictures.filter((picture) => picture !== null),
    );
  };

  const projects = new Projects(join(state, 'work'));
  const emitProjects = serveProjectsDomain(
    bridge,
    projects,
    () => window,
    () => {
      const path = given;
      given = null;
      return path;
    },
  );
  giveFile = (path) => {
    given = path;
    emitProjects('given', undefined);
  };
  const memoryChanged = serveMemoryDomain(bridge, {
    picture: (settings, kinds) => givesWay(requestToPlan(settings, kinds, models()), leases),
    music: (model) => music.givesWay(model),
    answer: (model) => words.givesWay(model),
  });
  sharedArbiter.subscribe(memoryChanged);
  const words = serveWords(bridge, state, memoryChanged);
  const ownModels = join(dataDir(), 'models');
  const downloads = serveModelsDomain(bridge, {
    ...modelSources(loadEngine),
    folder: ownModels,
    list: join(state, 'downloads.json'),
  });
  serveSettingsDomain(bridge, {
    dataDir: dataDir(),
    places: { gallery: galleryFolder, models: ownModels, data: dataDir(), cache: cacheDir() },
    window: () => window,
  });
  const music = serveMusic(bridge, memoryChanged);

  serveFilesDomain(bridge, () => window);
  if (wanted !== null) screenshot = new Screenshot(wanted, window, (status) => app.exit(status));

  let settled = false;
  app.on('will-quit', (event) => {
    supervisor.close();
    orders.close();
    music.close();
    if (settled) return;
    event.preventDefault(); // the last change is still on its way to the disk, and the language server ends first
    void Promise.allSettled([projects.settled(), words.close(), downloads.close()]).then(() => {
      settled = true;
      setImmediate(() => app.quit()); // within the event, Electron would take it for the same wish to quit
    });
  });
}

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', (_, args, folder) => {
    const path = givenProject(args.slice(1), folder);
    if (path !== null) giveFile(path);
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized() === true) window.restore();
    window?.focus();
  });
  app.on('open-file', (event, path) => {
    event.preventDefault(); // how a Mac gives files
    giveFile(path);
  });
  app.on('window-all-closed', () => app.quit());
  void app.whenReady().then(start);
} else {
  console.error('Sluice is running already; its window comes to the front.');
  app.quit();
}
