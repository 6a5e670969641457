// The studio's services over one window: the same as the command line's. Documents and the queue live here and in the
// window; painting runs in a child of its own.
import { join } from 'node:path';
import { app, type BrowserWindow } from 'electron';
import { Engine } from './engine/index.ts';
import { serveAppDomain } from './ipc/app.ts';
import { IpcBridge } from './ipc/bridge.ts';
import { CONTROLS_FOLDER, Gallery, LIVE_FOLDER } from './gallery/gallery.ts';
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
import type { GivenProject } from './window/given-file.ts';
import { APP_ORIGIN, GALLERY_PREFIX } from './window/origin.ts';

const galleryUrl = (file: string): string =>
  `${APP_ORIGIN}${GALLERY_PREFIX}${file.split('/').map(encodeURIComponent).join('/')}`;

export interface StudioPlaces {
  gallery: string;
  state: string; // what the studio remembers
  paintingChild: string; // the script of the process that paints
}

// Registers all that the window may ask. The window has asked nothing yet.
export function startStudio(
  window: BrowserWindow,
  { gallery: galleryFolder, state, paintingChild }: StudioPlaces,
  given: GivenProject,
): void {
  const bridge = new IpcBridge();
  bridge.attach(window.webContents);

  let engine: Engine | null = null;
  const loadEngine = (): Engine => (engine ??= new Engine(addonPath()));
  const leases = { arbiter: sharedArbiter, engine: loadEngine };
  const supervisor = new PaintingSupervisor(() => spawnPaintingChild(paintingChild), {
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
      live: { folder: join(galleryFolder, LIVE_FOLDER), url: (file) => galleryUrl(`${LIVE_FOLDER}/${file}`) },
      work: join(app.getPath('temp'), `sluice-orders-${process.pid}`),
      pictureUrl: galleryUrl,
    },
    (job) => {
      emitPainting('changed', job);
      if (job.state === 'done' && !job.live) void tellOfPictures(job.pictures);
      screenshot?.jobChanged(job);
    },
    (id) => emitPainting('forgotten', id),
  );
  const wanted = screenshotPath(process.argv);
  const emitApp = serveAppDomain(bridge, {
    ready: () => {
      if (wanted !== null) emitApp('command', 'help.example');
      if (given.waits) emitProjects('given', undefined);
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
    boards: join(state, 'boards.json'),
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
    () => given.take(),
  );
  given.follow(() => emitProjects('given', undefined));
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
