// /sdapi/v1 as A1111's clients know it, with the ControlNet extension's units: pictures in, pictures out, in base64.
import { parse } from 'node:path';
import { z } from 'zod';
import { SluiceError, Status } from '../../../../src-preload/contract/errors.ts';
import type { PaintRequest } from '../../../../src-preload/contract/jobs.ts';
import type { EnginePicture } from '../../../engine/index.ts';
import type { Execute } from '../../../jobs/runner.ts';
import { encodePng } from '../../../library/images.ts';
import { type FoundModel, resolveModel } from '../../../library/models.ts';
import { readPngTexts } from '../../../library/png.ts';
import { type Exchange, type Route, sendJson } from '../../http-server.ts';
import { type Painted, ServedPainter } from './painter.ts';
import {
  imageToImage,
  type ImageToImage,
  makeRequest,
  pictureBytes,
  readBody,
  textToImage,
  type TextToImage,
} from './request.ts';

export interface PictureServices {
  execute: Execute<PaintRequest, EnginePicture>;
  models(): FoundModel[];
  samplers(): Promise<unknown>; // as the engine lists them
  device: string; // for every picture
  budgetBytes: number; // 0: from the driver
}

const samplerList = z.array(
  z.looseObject({ name: z.string(), label: z.string(), schedules: z.array(z.string()) }),
);

const fail = (error: SluiceError): unknown => ({
  error: error.code,
  detail: error.message,
  body: '',
  errors: error.hint,
});

// "Automatic", "Karras", "SGM Uniform": lower case, and what stands for the usual one.
const scheduleOf = (label: string): string => {
  const name = label.trim().toLowerCase().replace(/\s+/g, '_');
  return name === '' || name === 'automatic' ? 'normal' : name;
};

// The request as it came, without its pictures.
function echoOf(body: Record<string, unknown>): Record<string, unknown> {
  const pictures = new Set(['init_images', 'mask', 'alwayson_scripts']);
  return Object.fromEntries(Object.entries(body).filter(([name]) => !pictures.has(name)));
}

function infoOf(painted: Painted, passedOver: readonly string[]): string {
  const { request, infotexts, notices, interrupted } = painted;
  const of = <T>(value: (index: number) => T): T[] => infotexts.map((_, index) => value(index));
  return JSON.stringify({
    prompt: request.prompt,
    all_prompts: of(() => request.prompt),
    negative_prompt: request.negative,
    all_negative_prompts: of(() => request.negative),
    seed: request.seed,
    all_seeds: of((index) => request.seed + index),
    width: request.width,
    height: request.height,
    sampler_name: request.sampler,
    scheduler: request.schedule,
    cfg_scale: request.cfg,
    steps: request.steps,
    batch_size: request.count,
    sd_model_name: parse(request.model).name,
    clip_skip: request.clipSkip,
    denoising_strength: request.init === null ? null : request.strength,
    infotexts,
    notices,
    passed_over: passedOver,
    interrupted,
  });
}

const isPipeline = ({ kind }: FoundModel): boolean => kind === 'pipeline' || kind === 'file';

export function pictureRoutes(services: PictureServices): Route[] {
  const { device, budgetBytes } = services;
  const painter = new ServedPainter(services.execute);

  const get = (path: string, answer: (exchange: Exchange) => unknown): Route => ({
    method: 'GET',
    path,
    fail,
    handle: async (exchange) => sendJson(exchange.response, 200, await answer(exchange)),
  });
  const post = (path: string, answer: (exchange: Exchange) => unknown): Route => ({
    ...get(path, answer),
    method: 'POST',
  });

  async function paint(exchange: Exchange, schema: z.ZodType<TextToImage | ImageToImage>): Promise<unknown> {
    const given = readBody(schema, await exchange.body());
    let passedOver: string[] = [];
    const painted = await painter.paint(async (folder) => {
      const made = makeRequest(given, {
        samplers: await samplers(),
        folder,
        models: services.models(),
        scheduleOf,
        device,
        budgetBytes,
      });
      ({ passedOver } = made);
      return made.request;
    }, exchange.signal);
    return {
      images: given.send_images ? painted.images : [],
      parameters: echoOf(given),
      info: infoOf(painted, passedOver),
    };
  }

  async function progress({ query }: Exchange): Promise<unknown> {
    const { share, seconds, step, steps, preview, waiting } = painter.progress;
    const wanted = query.get('skip_current_image') !== 'true';
    const image = wanted && preview !== null ? (await encodePng(preview)).toString('base64') : null;
    const runs = steps > 0;
    return {
      progress: share,
      eta_relative: share > 0 ? (seconds / share) * (1 - share) : 0,
      state: {
        skipped: false,
        interrupted: false,
        stopping_generation: false,
        job: runs ? 'paint' : '',
        job_count: waiting + (runs ? 1 : 0),
        job_no: 0,
        sampling_step: step,
        sampling_steps: steps,
      },
      current_image: image,
      textinfo: null,
    };
  }

  function pngInfo(body: unknown): unknown {
    const { image } = readBody(z.looseObject({ image: z.string() }), body);
    const bytes = pictureBytes(image, 'image');
    try {
      const items = Object.fromEntries(readPngTexts(bytes).map(({ keyword, text }) => [keyword, text]));
      return { info: items['parameters'] ?? '', items, parameters: {} };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SluiceError(Status.input, 'image-unreadable', `image: ${reason}`, 'Send a PNG file.', {
        cause,
      });
    }
  }

  const samplers = async (): Promise<z.infer<typeof samplerList>> =>
    samplerList.parse(await services.samplers());
  const title = (name: string): string =>
    name.replace(/_/g, ' ').replace(/^./, (first) => first.toUpperCase());
  const controls = (): string[] =>
    services
      .models()
      .filter(({ kind }) => kind === 'controlnet')
      .map(({ name }) => name);

  return [
    post('/sdapi/v1/txt2img', (exchange) => paint(exchange, textToImage)),
    post('/sdapi/v1/img2img', (exchange) => paint(exchange, imageToImage)),
    get('/sdapi/v1/progress', progress),
    post('/sdapi/v1/interrupt', () => {
      painter.interrupt();
      return {};
    }),
    get('/sdapi/v1/sd-models', () =>
      services
        .models()
        .filter(isPipeline)
        .map(({ name, path }) => ({
          title: name,
          model_name: name,
          hash: null,
          sha256: null,
          filename: path,
          config: null,
        })),
    ),
    get('/sdapi/v1/samplers', async () =>
      (await samplers()).map(({ name, label }) => ({ name: label, aliases: [name], options: {} })),
    ),
    get('/sdapi/v1/schedulers', async () =>
      [...new Set((await samplers()).flatMap(({ schedules }) => schedules))].map((name) => ({
        name,
        label: title(name),
        aliases: null,
        default_rho: -1,
        need_inner_model: false,
      })),
    ),
    get('/sdapi/v1/options', () => ({
      sd_model_checkpoint: parse(resolveModel(null, services.models())).base,
      CLIP_stop_at_last_layers: 1,
    })),
    post('/sdapi/v1/png-info', async (exchange) => pngInfo(await exchange.body())),
    get('/controlnet/model_list', () => ({ model_list: controls() })),
    get('/controlnet/module_list', () => ({ module_list: ['none'], module_detail: {} })),
    get('/controlnet/version', () => ({ version: 2 })),
  ];
}
