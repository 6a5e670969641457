// The engine for the rest of the main process: typed calls over the addon, errors as SluiceError. The only importer
// of a native binary. Converts and checks; what a job means is decided above (painting/) and below (the engine).
import { z } from 'zod';
import { asSluiceError, failureStatus, SluiceError } from '../../src-preload/contract/errors.ts';
import {
  paintFigures,
  type PaintFigures,
  type Preview,
  type Progress,
} from '../../src-preload/contract/figures.ts';
import {
  loadAddon,
  type NativeAddon,
  type NativeContext,
  type NativeImage,
  type NativeMemory,
  type NativePaintJob,
} from './native.ts';
import {
  deviceReport,
  type DeviceReport,
  inspectReport,
  type InspectReport,
  planReport,
  type PlanReport,
  probeReport,
  type ProbeReport,
  type SamplerChoice,
  samplerChoice,
  tokenIds,
} from './reports.ts';

export type EngineImage = NativeImage;
export type EngineMemory = NativeMemory;
export type EnginePaintJob = NativePaintJob;
export type { DeviceReport, InspectReport, PlanReport, ProbeReport };

export interface EnginePicture {
  images: EngineImage[];
  latents: Float32Array[]; // each [4, height/8, width/8], before scaling for the VAE
  figures: PaintFigures;
}

export interface EngineReports {
  progress(progress: Progress): void;
  preview(preview: Preview): void;
  notice(text: string): void;
}

const nativeError = z.object({
  status: failureStatus,
  code: z.string(),
  message: z.string(),
  hint: z.string(),
});

// The addon's errors carry the engine's status, code and hint.
function fromNative(thrown: unknown): SluiceError {
  const parsed = nativeError.safeParse(thrown);
  if (!parsed.success) return asSluiceError(thrown);
  const { status, code, message, hint } = parsed.data;
  return new SluiceError(status, code, message, hint, { cause: thrown });
}

async function call<T>(what: string, schema: z.ZodType<T>, start: () => Promise<string>): Promise<T> {
  let text: string;
  try {
    text = await start();
  } catch (error) {
    throw fromNative(error);
  }
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success) {
    throw new Error(`the engine's answer to ${what} is not as expected: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

export class EngineContext {
  readonly #context: NativeContext;

  constructor(context: NativeContext) {
    this.#context = context;
  }

  async paint(job: EnginePaintJob, reports: EngineReports): Promise<EnginePicture> {
    try {
      const result = await this.#context.paint(job, (event) => {
        if (event.type === 'progress') {
          const { stage, step, steps, seconds } = event;
          reports.progress({ stage, step, steps, seconds });
        } else if (event.type === 'preview') {
          const { step, width, height, pixels } = event;
          reports.preview({ step, width, height, pixels });
        } else reports.notice(event.text);
      });
      return { images: result.images, latents: result.latents, figures: paintFigures.parse(result.figures) };
    } catch (error) {
      throw fromNative(error);
    }
  }

  probe(
    request: EngineMemory & { network: string; model: string; in: string; out: string },
  ): Promise<ProbeReport> {
    return call('probe', probeReport, () => this.#context.probe(request));
  }

  // Frees what a warm context kept between jobs, after the jobs that wait.
  async trim(): Promise<void> {
    try {
      await this.#context.trim();
    } catch (error) {
      throw fromNative(error);
    }
  }

  // Asks whatever runs on this context to stop; its promise then rejects with the status "cancelled".
  cancel(): void {
    this.#context.cancel();
  }

  // Stops what runs, frees the device.
  close(): Promise<void> {
    return this.#context.close();
  }
}

export class Engine {
  readonly #addon: NativeAddon;

  // `addonPath` is the built sluice.node.
  constructor(addonPath: string) {
    this.#addon = loadAddon(addonPath);
  }

  devices(): Promise<DeviceReport[]> {
    return call('devices', z.array(deviceReport), () => this.#addon.devices());
  }

  samplers(): Promise<unknown> {
    return call('samplers', z.unknown(), () => this.#addon.samplers());
  }

  // Our names for what was asked for. Wrong usage when a name is not there, or the two don't go together.
  resolveSampler(request: { sampler: string; schedule: string }): Promise<SamplerChoice> {
    return call('resolveSampler', samplerChoice, () => this.#addon.resolveSampler(request));
  }

  inspect(path: string, verify: boolean): Promise<InspectReport> {
    return call('inspect', inspectReport, () => this.#addon.inspect({ path, verify }));
  }

  tokenize(request: { resourceDir: string; model: string | null; text: string }): Promise<number[]> {
    return call('tokenize', tokenIds, () => this.#addon.tokenize(request));
  }

  plan(
    job: EnginePaintJob,
    link: {
      linkBytesPerSecond: number;
      flopsPerSecond: number;
      maxStorageBufferRange: number;
      device: string | null;
    },
  ): Promise<PlanReport> {
    return call('plan', planReport, () => this.#addon.plan({ job, ...link }));
  }

  // `keepWarm`: resident weights and recordings stay for the next job where its budget holds all stages at once; for
  // hosts that paint more than once.
  async open(options: {
    device: string;
    cacheDir: string;
    resourceDir: string;
    keepWarm?: boolean;
  }): Promise<EngineContext> {
    try {
      return new EngineContext(await this.#addon.openContext({ keepWarm: false, ...options }));
    } catch (error) {
      throw fromNative(error);
    }
  }
}
