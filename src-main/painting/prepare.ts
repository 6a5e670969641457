// From a request (paths and numbers) to the engine's job (pixels): reads, converts and stretches what it names.
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import { withoutTags } from '../../src-preload/contract/lora-tags.ts';
import type { EnginePaintJob } from '../engine/index.ts';
import { loadGrey, loadRgb } from '../library/images.ts';
import { readFloatTensor } from '../library/safetensors.ts';

// The job without anything that has to be read: enough for a plan.
export function planJob(request: PaintRequest): EnginePaintJob {
  return {
    model: request.model,
    vae: request.vae,
    prompt: request.promptSyntax === 'a1111' ? withoutTags(request.prompt) : request.prompt,
    negative: request.negative,
    promptSyntax: request.promptSyntax,
    width: request.width,
    height: request.height,
    steps: request.steps,
    cfg: request.cfg,
    sampler: request.sampler,
    schedule: request.schedule,
    seed: request.seed,
    count: request.count,
    clipSkip: request.clipSkip,
    vaeTiling: request.vaeTiling,
    loras: request.loras.map(({ path, strength }) => ({ path, strength })),
    controls: request.controls.map(({ model, strength, start, end }) => ({
      model,
      hint: null,
      strength,
      start,
      end,
    })),
    init: null,
    mask: null,
    strength: request.strength,
    latents: null,
    previewEvery: request.previewEvery,
    trace: request.trace,
    budgetBytes: request.budgetBytes,
    precision: request.precision,
  };
}

async function readLatents(path: string, width: number, height: number): Promise<Float32Array> {
  const { shape, values } = await readFloatTensor(path, 'latents');
  const expected = [1, 4, height / 8, width / 8];
  if (shape.join() !== expected.join()) {
    throw new SluiceError(
      Status.input,
      'latents-invalid',
      `${path}: latents of shape [${shape.join(', ')}], expected [${expected.join(', ')}] for ${width}x${height}`,
    );
  }
  if (!values.every(Number.isFinite)) {
    throw new SluiceError(Status.input, 'latents-invalid', `${path}: the latents hold NaN or infinity`);
  }
  return values;
}

// `notice` hears what was done to the given pictures.
export async function prepareJob(
  request: PaintRequest,
  notice: (text: string) => void,
): Promise<EnginePaintJob> {
  const { width, height } = request;
  const rgb = async (path: string, what: string): Promise<EnginePaintJob['init'] & object> => {
    const { picture, notices } = await loadRgb(path, what, width, height);
    notices.forEach(notice);
    return picture;
  };
  const job = planJob(request);
  for (const [index, control] of request.controls.entries()) {
    const target = job.controls[index];
    if (target !== undefined) target.hint = await rgb(control.image, `control image (${control.kind})`);
  }
  if (request.init !== null) job.init = await rgb(request.init, 'initial image');
  if (request.mask !== null) {
    const { picture, notices } = await loadGrey(request.mask, 'mask', width, height);
    notices.forEach(notice);
    job.mask = picture;
  }
  if (request.latents !== null) job.latents = await readLatents(request.latents, width, height);
  return job;
}
