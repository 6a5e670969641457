import { rm } from 'node:fs/promises';
import { join, parse as parsePath } from 'node:path';
import { asSluiceError, SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Preview } from '../../src-preload/contract/figures.ts';
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import type { EnginePicture } from '../engine/index.ts';
import type { Job } from '../jobs/queue.ts';
import { JobRunner } from '../jobs/runner.ts';
import { checkOutput, type OutputFile, writeWhole } from '../library/files.ts';
import { encodePng } from '../library/images.ts';
import { addPngTexts } from '../library/png.ts';
import { encodeFloatTensors } from '../library/safetensors.ts';
import { leased } from '../painting/leases.ts';
import { pictureTexts } from '../painting/metadata.ts';
import { Painter } from '../painting/painter.ts';
import { sharedArbiter } from '../services/leases.ts';
import { Flags, readControl, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { duration, mebibytes, type Output } from './output.ts';
import { type PaintSettings, readSettings, requestOptions, requestWith } from './paint-options.ts';
import { allModels, contextPaths, loadEngine } from './services.ts';
import type { Stop } from './stop.ts';

// FILE.png, or FILE-1.png and so on when there are several.
export function outputNames(out: string, count: number): string[] {
  if (count === 1) return [out];
  const { dir, name, ext } = parsePath(out);
  return Array.from({ length: count }, (_, index) => join(dir, `${name}-${index + 1}${ext}`));
}

interface Outputs {
  pictures: string[];
  latents: string[] | null;
  preview: string;
}

function readOutputs(flags: Flags, { seed, count }: PaintSettings): Outputs {
  const out = flags.text('out') ?? `sluice-${seed}.png`;
  if (parsePath(out).ext.toLowerCase() !== '.png')
    throw usageError(`--out: expected a .png file, found "${out}"`);
  const saveLatents = flags.text('save-latents');
  const { dir, name } = parsePath(out);
  return {
    pictures: outputNames(out, count),
    latents: saveLatents === null ? null : outputNames(saveLatents, count),
    preview: join(dir, `${name}.preview.png`),
  };
}

async function resultFiles(
  request: PaintRequest,
  result: EnginePicture,
  outputs: Outputs,
): Promise<OutputFile[]> {
  const files: OutputFile[] = [];
  for (const [index, path] of outputs.pictures.entries()) {
    const image = result.images[index];
    if (image === undefined)
      throw new Error(`the engine made ${result.images.length} pictures of ${request.count}`);
    const texts = pictureTexts(request, request.seed + index);
    files.push({ path, content: addPngTexts(await encodePng(image), texts) });
  }
  for (const [index, path] of (outputs.latents ?? []).entries()) {
    const values = result.latents[index] ?? new Float32Array();
    const shape = [1, 4, request.height / 8, request.width / 8];
    files.push({ path, content: encodeFloatTensors({ latents: { shape, values } }) });
  }
  return files;
}

// Previews are written one after the other, and only the newest that waits.
class PreviewWriter {
  readonly #path: string;
  readonly #output: Output;
  #waiting: Preview | null = null;
  #writing: Promise<void> | null = null;

  constructor(path: string, output: Output) {
    this.#path = path;
    this.#output = output;
  }

  show(preview: Preview): void {
    this.#waiting = preview;
    this.#writing ??= this.#drain();
  }

  async settled(): Promise<void> {
    await this.#writing;
  }

  async remove(): Promise<void> {
    await this.#writing;
    await rm(this.#path, { force: true });
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting; next !== null; next = this.#waiting) {
      this.#waiting = null;
      try {
        await writeWhole([{ path: this.#path, content: await encodePng(next) }]);
        this.#output.event('preview', { step: next.step, out: this.#path });
      } catch (error) {
        this.#output.log(`the preview could not be written: ${asSluiceError(error).message}`);
      }
    }
    this.#writing = null;
  }
}

function report(
  request: PaintRequest,
  { figures }: EnginePicture,
  outputs: Outputs,
  notices: readonly string[],
) {
  const several = request.count > 1;
  const fields = {
    out: several ? outputs.pictures : outputs.pictures[0],
    ...(outputs.latents === null ? {} : { latents: several ? outputs.latents : outputs.latents[0] }),
    seconds: figures.seconds,
    load_seconds: figures.loadSeconds,
    encode_seconds: figures.encodeSeconds,
    step_seconds: figures.stepSeconds,
    decode_seconds: figures.decodeSeconds,
    peak_device_bytes: figures.peakDeviceBytes,
    predicted_peak_bytes: figures.predictedPeakBytes,
    driver_peak_bytes: figures.driverPeakBytes,
    in_place_bytes: figures.inPlaceBytes,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    budget_bytes: figures.budgetBytes,
    uploaded_bytes: figures.uploadedBytes,
    device: figures.device,
    precision: figures.precision,
    model: request.model,
    seed: request.seed,
    cold: figures.cold,
    notices,
  };
  const lines = [
    ...outputs.pictures,
    `${duration(figures.seconds)} on ${figures.device} (${figures.precision}), seed ${request.seed}, ` +
      `at most ${mebibytes(figures.peakDeviceBytes)} of device memory` +
      (figures.inPlaceBytes > 0 ? `, ${mebibytes(figures.inPlaceBytes)} of weights read in place` : ''),
  ];
  return { fields, lines };
}

async function runJob(runner: JobRunner<PaintRequest, EnginePicture>, request: PaintRequest, stop: Stop) {
  const id = runner.enqueue(request);
  const leave = stop.onAsked(() => runner.cancel(id));
  const job: Job<PaintRequest, EnginePicture> = await runner.ended(id);
  leave();
  if (job.failure !== null) {
    const { status, code, message, hint } = job.failure;
    throw new SluiceError(status, code, message, hint);
  }
  if (job.result === null) throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
  return { result: job.result, notices: job.notices };
}

export const paint: Command = {
  name: 'paint',
  summary: 'paints a picture from a prompt, drawings and other pictures',
  usage: [
    'sluice paint --prompt TEXT [--out FILE.png]',
    'Without flags: 512x512 or the size of the model, 20 steps, cfg 7.5, euler, normal, a random seed that is told.',
    '  --negative TEXT  --model NAME|PATH  --vae PATH  --size WxH  --steps N  --cfg F  --seed N  --count N',
    '  --sampler NAME  --schedule NAME  --clip-skip N  --vae-tiling',
    '  --control KIND=IMAGE[,strength=F][,start=F][,end=F][,model=PATH]   (several times: several ControlNets)',
    '  --init IMAGE [--strength F] [--mask IMAGE]                         image to image, inpainting (white: repaint)',
    '  --latents FILE  --save-latents FILE  --preview-every N  --trace FILE',
    '  --device auto|INDEX|NAME  --vram MIB  --precision auto|fp32|fp16  --json',
  ].join('\n'),
  options: {
    ...requestOptions,
    out: { type: 'string' },
    'save-latents': { type: 'string' },
  },
  async run(given, output, stop) {
    if (given.positionals.length > 0) {
      throw usageError(
        `paint takes flags only, found "${given.positionals.join(' ')}"`,
        'Is the prompt in quotes?',
      );
    }
    const flags = new Flags(given);
    flags.required('prompt');
    const controls = flags.texts('control').map((text) => readControl(text, { image: true }));
    const engine = loadEngine();
    const settings = await readSettings(flags, engine);
    const outputs = readOutputs(flags, settings);
    const request = requestWith(settings, flags, controls, allModels());
    for (const path of [...outputs.pictures, ...(outputs.latents ?? [])]) await checkOutput(path);
    if (request.trace !== null) await checkOutput(request.trace);

    const painter = new Painter(engine, contextPaths());
    const previews = new PreviewWriter(outputs.preview, output);
    const runner = new JobRunner(leased(painter.execute, { arbiter: sharedArbiter, engine: () => engine }));
    runner.subscribe((_, event) => {
      if (event.type === 'progress') output.progress(event.progress);
      if (event.type === 'notice') output.log(event.text);
      if (event.type === 'preview') previews.show(event.preview);
    });
    if (!flags.has('seed')) output.log(`seed ${request.seed}`);
    try {
      const { result, notices } = await runJob(runner, request, stop);
      await previews.settled();
      await writeWhole(await resultFiles(request, result, outputs), () => !stop.asked);
      const { fields, lines } = report(request, result, outputs, notices);
      await painter.close();
      output.done(fields, lines);
    } catch (error) {
      await Promise.all([previews.remove(), painter.close()]);
      throw error;
    }
  },
};
