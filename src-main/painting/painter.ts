// Runs painting jobs on the engine: the `execute` of a JobRunner. One context is kept open between jobs, because
// device, pipelines and caches outlive them.
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import type { Engine, EngineContext, EnginePicture } from '../engine/index.ts';
import type { Reports, Running } from '../jobs/runner.ts';
import { prepareJob } from './prepare.ts';

export interface PainterPaths {
  cacheDir: string;
  resourceDir: string;
}

export class Painter {
  readonly #engine: Engine;
  readonly #paths: PainterPaths;
  #open: { device: string; context: EngineContext } | null = null;

  constructor(engine: Engine, paths: PainterPaths) {
    this.#engine = engine;
    this.#paths = paths;
  }

  readonly execute = (request: PaintRequest, reports: Reports): Running<EnginePicture> => {
    let cancelled = false;
    let context: EngineContext | null = null;
    const stopIfAsked = (): void => {
      if (cancelled) throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
    };
    const paint = async (): Promise<EnginePicture> => {
      const job = await prepareJob(request, (text) => reports.notice(text));
      stopIfAsked();
      context = await this.#contextFor(request.device);
      stopIfAsked();
      return context.paint(job, reports);
    };
    return {
      result: paint(),
      cancel: () => {
        cancelled = true;
        context?.cancel();
      },
    };
  };

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.context.close();
  }

  async #contextFor(device: string): Promise<EngineContext> {
    if (this.#open?.device === device) return this.#open.context;
    await this.close();
    const context = await this.#engine.open({ device, ...this.#paths });
    this.#open = { device, context };
    return context;
  }
}
