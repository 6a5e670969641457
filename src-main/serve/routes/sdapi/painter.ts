// Paints what the routes ask for, one after the other, and knows what the running job is at. Not here: JSON, HTTP.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '../../../../src-preload/contract/errors.ts';
import type { Preview, Progress } from '../../../../src-preload/contract/figures.ts';
import type { PaintRequest } from '../../../../src-preload/contract/jobs.ts';
import type { EnginePicture } from '../../../engine/index.ts';
import { type Execute, JobRunner } from '../../../jobs/runner.ts';
import { encodePng } from '../../../library/images.ts';
import { addPngTexts } from '../../../library/png.ts';
import { parametersText, pictureTexts } from '../../../painting/metadata.ts';

export interface Painted {
  request: PaintRequest;
  images: string[]; // PNG in base64
  infotexts: string[];
  notices: readonly string[];
  interrupted: boolean;
}

// The steps of a job are all but the little that comes before and after them.
const BEFORE = 0.05;
const AFTER = 0.05;
const shareOf = ({ stage, step, steps }: Progress): number => {
  const share = steps > 0 ? step / steps : 0;
  if (stage === 'sample') return BEFORE + (1 - BEFORE - AFTER) * share;
  return stage === 'decode' ? 1 - AFTER : BEFORE * share;
};

export class ServedPainter {
  readonly #runner: JobRunner<PaintRequest, EnginePicture>;
  #running: { id: string; began: number; steps: number } | null = null;

  constructor(execute: Execute<PaintRequest, EnginePicture>) {
    this.#runner = new JobRunner(execute);
    this.#runner.subscribe(({ jobs }, event) => {
      if (event.type !== 'start') return;
      const steps = jobs.get(event.id)?.request.steps ?? 0;
      this.#running = { id: event.id, began: performance.now(), steps };
    });
  }

  // `make` gets a folder for pictures that came with the request; it is removed in the end. A job that is interrupted,
  // or given up by `signal`, comes back without pictures.
  async paint(
    make: (folder: string) => PaintRequest | Promise<PaintRequest>,
    signal: AbortSignal,
  ): Promise<Painted> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-served-'));
    try {
      const request = await make(folder);
      const id = this.#runner.enqueue(request);
      const giveUp = (): void => this.#runner.cancel(id);
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      const job = await this.#runner.ended(id);
      signal.removeEventListener('abort', giveUp);
      if (this.#running?.id === id) this.#running = null;
      this.#runner.forget(id);
      if (job.failure !== null) {
        const { status, code, message, hint } = job.failure;
        throw new SluiceError(status, code, message, hint);
      }
      const painted = job.result?.images ?? [];
      const images = await Promise.all(
        painted.map(async (image, index) =>
          addPngTexts(await encodePng(image), pictureTexts(request, request.seed + index)).toString('base64'),
        ),
      );
      const infotexts = painted.map((_, index) => parametersText(request, request.seed + index));
      return { request, images, infotexts, notices: job.notices, interrupted: job.result === null };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  // What runs, not what waits. False when nothing does.
  interrupt(): boolean {
    const { running } = this.#runner.state;
    if (running === null) return false;
    this.#runner.cancel(running);
    return true;
  }

  get progress(): {
    share: number;
    seconds: number;
    step: number;
    steps: number;
    preview: Preview | null;
    waiting: number;
  } {
    const { running, waiting, jobs } = this.#runner.state;
    const job = running === null ? undefined : jobs.get(running);
    const since = this.#running;
    if (job === undefined || since === null)
      return { share: 0, seconds: 0, step: 0, steps: 0, preview: null, waiting: waiting.length };
    const { progress, preview } = job;
    return {
      share: progress === null ? 0 : shareOf(progress),
      seconds: (performance.now() - since.began) / 1000,
      step: progress?.step ?? 0,
      steps: since.steps,
      preview,
      waiting: waiting.length,
    };
  }
}
