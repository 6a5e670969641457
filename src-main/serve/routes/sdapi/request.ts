// From the JSON that clients of A1111's interface send to a PaintRequest. What changes the picture and is not there is
// refused by name; what is left out of account is listed for the answer. Pictures in base64 become files of a folder.
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SluiceError, Status } from '../../../../src-preload/contract/errors.ts';
import { MAX_SEED, paintRequest, type PaintRequest } from '../../../../src-preload/contract/jobs.ts';
import { lorasNamed } from '../../../library/loras.ts';
import { type FoundModel, nativeSize, resolveControl, resolveModel } from '../../../library/models.ts';

export const invalid = (message: string, hint = ''): SluiceError =>
  new SluiceError(Status.input, 'request-invalid', message, hint);

const side = z.number().int().min(8).max(4096).multipleOf(8);
const fraction = z.number().min(0).max(1);

const unit = z.looseObject({
  enabled: z.boolean().default(true),
  image: z.union([z.string(), z.looseObject({ image: z.string() })]).nullish(),
  input_image: z.string().nullish(), // as older versions of the extension call it
  module: z.string().nullish(),
  model: z.string().nullish(),
  weight: z.number().min(0).max(10).default(1),
  guidance_start: fraction.default(0),
  guidance_end: fraction.default(1),
});
type Unit = z.infer<typeof unit>;

const common = {
  prompt: z.string().default(''),
  negative_prompt: z.string().nullish(),
  width: side.nullish(),
  height: side.nullish(),
  steps: z.number().int().min(1).max(1000).nullish(),
  cfg_scale: z.number().min(0).max(100).nullish(),
  sampler_name: z.string().nullish(),
  sampler_index: z.string().nullish(),
  scheduler: z.string().nullish(),
  seed: z.number().int().min(-1).max(MAX_SEED).nullish(),
  batch_size: z.number().int().min(1).max(64).nullish(),
  n_iter: z.number().int().min(1).max(64).nullish(),
  override_settings: z
    .looseObject({
      sd_model_checkpoint: z.string().nullish(),
      CLIP_stop_at_last_layers: z.number().int().min(1).max(12).nullish(),
    })
    .nullish(),
  alwayson_scripts: z.record(z.string(), z.looseObject({ args: z.array(z.unknown()).default([]) })).nullish(),
  send_images: z.boolean().default(true),
};

export const textToImage = z.looseObject(common);
export const imageToImage = z.looseObject({
  ...common,
  init_images: z.array(z.string()).length(1),
  mask: z.string().nullish(),
  denoising_strength: fraction.nullish(),
});
export type TextToImage = z.infer<typeof textToImage>;
export type ImageToImage = z.infer<typeof imageToImage>;

export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw invalid(`${where === '' ? 'the body' : where}: ${issue?.message ?? 'cannot be read'}`);
}

// Fields that ask for another picture than we would paint, when they are on.
const refusals: Record<string, (value: unknown) => boolean> = {
  enable_hr: (value) => value === true,
  tiling: (value) => value === true,
  restore_faces: (value) => value === true,
  script_name: (value) => typeof value === 'string' && value !== '',
  refiner_checkpoint: (value) => typeof value === 'string' && value !== '',
  subseed_strength: (value) => typeof value === 'number' && value > 0,
  styles: (value) => Array.isArray(value) && value.length > 0,
  inpainting_mask_invert: (value) => value === 1 || value === true,
  inpaint_full_res: (value) => value === true || value === 1,
  eta: (value) => typeof value === 'number' && value > 0,
};

// Fields that matter little: the picture comes without what they ask for, and the answer says so.
const passedOver: Record<string, (value: unknown) => boolean> = {
  mask_blur: (value) => typeof value === 'number' && value > 0,
  resize_mode: (value) => typeof value === 'number' && value > 0,
  inpainting_fill: (value) => typeof value === 'number' && value !== 1,
  save_images: (value) => value === true,
};

const fieldsOn = (
  body: Record<string, unknown>,
  table: Record<string, (value: unknown) => boolean>,
): string[] =>
  Object.entries(table)
    .filter(([name, isOn]) => isOn(body[name]))
    .map(([name]) => name);

// Bytes of a picture, with or without the head of a data: address.
export function pictureBytes(text: string, what: string): Buffer {
  const base64 = text.replace(/^data:image\/[a-z+.-]+;base64,/i, '').replace(/\s+/g, '');
  if (base64 === '' || base64.length % 4 === 1 || !/^[a-z0-9+/_-]+={0,2}$/i.test(base64))
    throw invalid(`${what}: expected a picture in base64, found ${JSON.stringify(text.slice(0, 40))}`);
  return Buffer.from(base64, 'base64');
}

export interface Place {
  folder: string; // for pictures that came with the request
  models: readonly FoundModel[];
  samplers: readonly { name: string; label: string }[];
  scheduleOf(label: string): string; // A1111's names to ours
  device: string; // for every picture
  budgetBytes: number; // 0: from the driver
}

// A checkpoint as clients name it: "name", "name.safetensors", "name.safetensors [0123456789]".
function checkpoint(wanted: string | null, models: readonly FoundModel[]): string {
  if (wanted === null || wanted === '') return resolveModel(null, models);
  const name = wanted.replace(/\s*\[[0-9a-f]+\]$/i, '');
  const short = name.replace(/\.(safetensors|ckpt)$/i, '');
  const found = models.find((model) => model.name === name || model.name === short);
  return resolveModel(
    found?.name ?? name,
    found === undefined ? models.filter(({ name: other }) => other !== name) : models,
  );
}

// "control_v11p_sd15_scribble [d4ba51ff]", "controlnet-scribble", "scribble".
function controlOf({ model, module }: Unit, models: readonly FoundModel[]): { kind: string; path: string } {
  const name = (model ?? '').replace(/\s*\[[0-9a-f]+\]$/i, '');
  const given = models.find((other) => other.name === name);
  if (given !== undefined) return { kind: name.replace(/^controlnet-/, ''), path: given.path };
  const wanted = name === '' || /^none$/i.test(name) ? (module ?? '') : name;
  const kinds = models
    .filter(({ kind }) => kind === 'controlnet')
    .map((found) => found.name.replace(/^controlnet-/, ''));
  const kind = kinds.find((known) => wanted.toLowerCase().includes(known.toLowerCase()));
  return { kind: kind ?? wanted, path: resolveControl(kind ?? wanted, null, models) };
}

function unitsOf(body: TextToImage): Unit[] {
  const units: Unit[] = [];
  for (const [name, { args }] of Object.entries(body.alwayson_scripts ?? {})) {
    if (name.toLowerCase() !== 'controlnet') {
      if (args.length > 0)
        throw invalid(`alwayson_scripts.${name}: there is no such script here; there is controlnet`);
      continue;
    }
    for (const [index, arg] of args.entries()) {
      const parsed = unit.safeParse(arg);
      const issue = parsed.error?.issues[0];
      if (!parsed.success)
        throw invalid(
          `alwayson_scripts.controlnet.args.${index}.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'cannot be read'}`,
        );
      if (parsed.data.enabled) units.push(parsed.data);
    }
  }
  return units;
}

// "DPM++ 2M Karras" is how older clients name a sampler with a schedule.
function samplerOf(body: TextToImage, place: Place): { sampler: string; schedule: string } {
  const named = body.sampler_name ?? body.sampler_index ?? '';
  const both = /^(.+?) (karras|exponential)$/i.exec(named);
  const label = body.scheduler ?? both?.[2] ?? '';
  const wanted = both?.[1] ?? named;
  // By our name where it is known: the same job is then the same file as elsewhere. What is not, the engine refuses.
  const known = place.samplers.find(
    (sampler) => sampler.name === wanted || sampler.label.toLowerCase() === wanted.toLowerCase(),
  );
  return { sampler: wanted === '' ? 'euler' : (known?.name ?? wanted), schedule: place.scheduleOf(label) };
}

export interface Made {
  request: PaintRequest;
  passedOver: string[];
}

export function makeRequest(body: TextToImage | ImageToImage, place: Place): Made {
  const refused = fieldsOn(body, refusals);
  if (refused.length > 0) throw invalid(`${refused.join(', ')}: not there`, 'Leave it out, or turn it off.');
  const put = (name: string, what: string, text: string): string => {
    const path = join(place.folder, name);
    writeFileSync(path, pictureBytes(text, what));
    return path;
  };
  const model = checkpoint(body.override_settings?.sd_model_checkpoint ?? null, place.models);
  const native = nativeSize(model);
  const controls = unitsOf(body).map((given, index) => {
    const what = `alwayson_scripts.controlnet.args.${index}`;
    const picture = typeof given.image === 'object' ? given.image?.image : (given.image ?? given.input_image);
    if (picture === undefined || picture === null)
      throw invalid(`${what}.image: expected a picture in base64, found none`);
    const { module } = given;
    if (module !== null && module !== undefined && module !== '' && !/^none$/i.test(module) && given.model)
      throw invalid(
        `${what}.module: preprocessors are not there yet`,
        'Send a prepared picture with "module": "none".',
      );
    const { kind, path } = controlOf(given, place.models);
    return {
      kind,
      image: put(`control-${index}.png`, `${what}.image`, picture),
      model: path,
      strength: given.weight,
      start: given.guidance_start,
      end: given.guidance_end,
    };
  });
  const seed = body.seed ?? -1;
  const { sampler, schedule } = samplerOf(body, place);
  const init = 'init_images' in body ? (body as ImageToImage).init_images[0] : undefined;
  const { mask, denoising_strength: strength } = body as Partial<ImageToImage>;
  const request = paintRequest.safeParse({
    type: 'paint',
    prompt: body.prompt,
    negative: body.negative_prompt ?? '',
    promptSyntax: 'a1111',
    model,
    vae: null,
    width: body.width ?? native,
    height: body.height ?? native,
    steps: body.steps ?? 20,
    cfg: body.cfg_scale ?? 7,
    sampler,
    schedule,
    seed: seed < 0 ? randomInt(2 ** 32) : seed,
    count: (body.batch_size ?? 1) * (body.n_iter ?? 1),
    clipSkip: body.override_settings?.CLIP_stop_at_last_layers ?? 1,
    vaeTiling: false,
    loras: lorasNamed(body.prompt, place.models),
    controls,
    init: init === undefined ? null : put('init.png', 'init_images.0', init),
    mask: mask === undefined || mask === null || init === undefined ? null : put('mask.png', 'mask', mask),
    strength: strength ?? 0.75,
    latents: null,
    precision: 'auto',
    budgetBytes: place.budgetBytes,
    device: place.device,
    previewEvery: 1,
    trace: null,
  } satisfies Record<keyof PaintRequest, unknown>);
  if (!request.success) {
    const [issue] = request.error.issues;
    throw invalid(`${issue?.path.join('.') ?? 'the request'}: ${issue?.message ?? 'cannot be read'}`);
  }
  if (request.data.init !== null && Math.floor(request.data.steps * request.data.strength) < 1)
    throw invalid(
      `denoising_strength ${request.data.strength} of ${request.data.steps} steps leaves none to run`,
    );
  return { request: request.data, passedOver: fieldsOn(body, passedOver) };
}
