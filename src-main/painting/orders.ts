// Painting for the window: turns orders (settings and pictures as bytes) into requests, runs them through the same
// queue as the command line does, and keeps results in the gallery. Pictures of an order lie in a folder of their own
// until its job is forgotten.
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import type {
  PaintedPicture,
  PaintJob,
  PaintOrder,
  PaintSettings,
  RunTimeline,
} from '../../src-preload/contract/painting.ts';
import type { EnginePicture } from '../engine/index.ts';
import type { Job } from '../jobs/queue.ts';
import { type Execute, JobRunner } from '../jobs/runner.ts';
import { writeWhole } from '../library/files.ts';
import { lorasNamed } from '../library/loras.ts';
import { type FoundModel, resolveControl, resolveModel } from '../library/models.ts';
import { encodePlainPng } from '../library/plain-png.ts';
import { addPngTexts } from '../library/png.ts';
import { pictureTexts } from './metadata.ts';
import { readTimeline } from './timeline.ts';

const TRACE = 'trace.json'; // in the order's folder

// So many ended jobs stay in the list; their pictures are in the gallery for good.
export const MOST_ENDED = 50;
// One is shown while the next is fetched.
const LIVE_KEPT = 3;

// What waits in the queue: what was ordered, and what it was turned into. Its pictures lie on the disk.
interface Queued {
  settings: PaintSettings;
  controlKinds: string[];
  live: boolean;
  request: PaintRequest;
  folder: string;
}

interface Painted {
  pictures: PaintedPicture[];
  seconds: number;
  peakDeviceBytes: number;
}

export interface OrdersSetup {
  execute: Execute<PaintRequest, EnginePicture>;
  models(): readonly FoundModel[];
  gallery: string; // a folder
  controls: string; // the folder where what steered kept pictures is kept too
  live: { folder: string; url: (file: string) => string }; // of live painting's pictures, the last few of which stay
  work: string; // a folder for what jobs read
  pictureUrl: (file: string) => string;
}

// A model without weights yet is the embedded pipeline, or else the first one that is there.
export function modelPath(name: string | null, models: readonly FoundModel[]): string {
  if (name !== null) return resolveModel(name, models);
  const embedded = models.some(({ source, kind }) => source === 'embedded' && kind === 'pipeline');
  const first = models.find(({ kind }) => kind === 'pipeline');
  return embedded || first === undefined ? resolveModel(null, models) : first.path;
}

export function requestOf(
  settings: PaintSettings,
  model: string,
  paths: Pick<PaintRequest, 'loras' | 'controls' | 'init' | 'mask'>,
): PaintRequest {
  return {
    type: 'paint',
    prompt: settings.prompt,
    negative: settings.negative,
    promptSyntax: 'a1111', // the window writes weights that way
    model,
    vae: null,
    width: settings.width,
    height: settings.height,
    steps: settings.steps,
    cfg: settings.cfg,
    sampler: settings.sampler,
    schedule: settings.schedule,
    seed: settings.seed,
    count: settings.count,
    clipSkip: 1,
    vaeTiling: false,
    strength: settings.strength,
    latents: null,
    precision: settings.precision,
    budgetBytes: settings.budgetMebibytes * 2 ** 20,
    device: settings.device,
    previewEvery: 1,
    trace: null,
    ...paths,
  };
}

// A request to plan with: no pictures, and nothing is looked for but models.
export function requestToPlan(
  settings: PaintSettings,
  controlKinds: readonly string[],
  models: readonly FoundModel[],
): PaintRequest {
  const controls = controlKinds.map((kind) => ({
    ...{ kind, image: '', model: resolveControl(kind, null, models) },
    ...{ strength: 1, start: 0, end: 1 },
  }));
  const paths = { loras: lorasNamed(settings.prompt, models), controls, init: null, mask: null };
  return requestOf(settings, modelPath(settings.model, models), paths);
}

function viewOf(job: Job<Queued, Painted>): PaintJob {
  const { settings, controlKinds } = job.request;
  return {
    id: job.id,
    state: job.state,
    settings,
    controlKinds,
    live: job.request.live,
    progress: job.progress,
    preview: job.preview,
    notices: [...job.notices],
    failure: job.failure,
    pictures: job.result?.pictures ?? [],
    seconds: job.result?.seconds ?? null,
    peakDeviceBytes: job.result?.peakDeviceBytes ?? null,
  };
}

export class PaintingOrders {
  readonly #setup: OrdersSetup;
  readonly #runner: JobRunner<Queued, Painted>;

  // `changed` hears of every job that is new or has changed, `forgotten` of those that left the list because it was full.
  constructor(setup: OrdersSetup, changed: (job: PaintJob) => void, forgotten: (id: string) => void) {
    this.#setup = setup;
    mkdirSync(setup.gallery, { recursive: true });
    mkdirSync(setup.controls, { recursive: true });
    mkdirSync(setup.work, { recursive: true });
    mkdirSync(setup.live.folder, { recursive: true });
    this.#runner = new JobRunner<Queued, Painted>((queued, reports) => {
      const running = setup.execute(queued.request, reports);
      return {
        result: running.result.then((picture) => this.#keep(queued, picture)),
        cancel: () => running.cancel(),
      };
    });
    this.#runner.subscribe((state, { id }) => {
      const job = state.jobs.get(id);
      if (job !== undefined) changed(viewOf(job));
      const [oldest] = state.ended;
      if (state.ended.length > MOST_ENDED && oldest !== undefined && this.forget(oldest)) forgotten(oldest);
    });
  }

  // Throws a SluiceError when the order can never work: an unknown model or LoRA, a kind without a ControlNet.
  enqueue(order: PaintOrder): string {
    const models = this.#setup.models();
    const model = modelPath(order.settings.model, models);
    const folder = mkdtempSync(join(this.#setup.work, 'order-'));
    const put = (name: string, content: Uint8Array): string => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    try {
      const request = requestOf(order.settings, model, {
        loras: lorasNamed(order.settings.prompt, models),
        controls: order.controls.map(({ kind, picture, strength, start, end }) => ({
          kind,
          // Its own hash is its name: the painted picture's text then says exactly what steered it.
          image: put(`${createHash('sha256').update(picture).digest('hex')}.png`, picture),
          model: resolveControl(kind, null, models),
          strength,
          start,
          end,
        })),
        init: order.init === null ? null : put('init.png', order.init),
        mask: order.mask === null ? null : put('mask.png', order.mask),
      });
      const trace = join(folder, TRACE);
      const controlKinds = order.controls.map(({ kind }) => kind);
      return this.#runner.enqueue(
        { settings: order.settings, controlKinds, live: order.live, request: { ...request, trace }, folder },
        order.at,
      );
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  // Ended ones first, then the one that runs, then those that wait, each in their order.
  jobs(): PaintJob[] {
    const { ended, running, waiting, jobs } = this.#runner.state;
    return [...ended, ...(running === null ? [] : [running]), ...waiting].flatMap((id) => {
      const job = jobs.get(id);
      return job === undefined ? [] : [viewOf(job)];
    });
  }

  // What the job's run did when, or null where it left no trace.
  timeline(id: string): Promise<RunTimeline | null> {
    const job = this.#runner.state.jobs.get(id);
    return job?.state !== 'done' ? Promise.resolve(null) : readTimeline(join(job.request.folder, TRACE));
  }

  cancel(id: string): void {
    this.#runner.cancel(id);
  }

  cancelAll(): void {
    const { waiting, running } = this.#runner.state;
    for (const id of [...waiting, ...(running === null ? [] : [running])]) this.#runner.cancel(id);
  }

  // An ended job leaves the list; its pictures stay in the gallery. False when it has not ended.
  forget(id: string): boolean {
    const job = this.#runner.state.jobs.get(id);
    this.#runner.forget(id);
    if (job === undefined || this.#runner.state.jobs.has(id)) return false;
    rmSync(job.request.folder, { recursive: true, force: true });
    return true;
  }

  close(): void {
    rmSync(this.#setup.work, { recursive: true, force: true });
    rmSync(this.#setup.live.folder, { recursive: true, force: true });
  }

  // Of live painting the last few stay. By name they are in the order in which they were made.
  #pruneLive(): void {
    const { folder } = this.#setup.live;
    const older = readdirSync(folder).sort().slice(0, -LIVE_KEPT);
    for (const name of older) rmSync(join(folder, name), { force: true });
  }

  async #keep({ request, live }: Queued, { images, figures }: EnginePicture): Promise<Painted> {
    const place = live ? this.#setup.live : { folder: this.#setup.gallery, url: this.#setup.pictureUrl };
    const name = `${new Date().toISOString().replace(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}`;
    const pictures: PaintedPicture[] = [];
    const files = [];
    for (const [index, image] of images.entries()) {
      const seed = request.seed + index;
      const file = images.length === 1 ? `${name}.png` : `${name}-${index + 1}.png`;
      const content = addPngTexts(encodePlainPng(image), pictureTexts(request, seed));
      files.push({ path: join(place.folder, file), content });
      const { width, height } = image;
      pictures.push({ id: file, url: place.url(file), width, height, seed });
    }
    const drawings = live ? [] : new Set(request.controls.map((control) => control.image));
    for (const image of drawings) {
      const path = join(this.#setup.controls, basename(image));
      if (!existsSync(path)) files.push({ path, content: readFileSync(image) });
    }
    await writeWhole(files);
    if (live) this.#pruneLive();
    return { pictures, seconds: figures.seconds, peakDeviceBytes: figures.peakDeviceBytes };
  }
}
