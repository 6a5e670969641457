// The flags of painting, shared by `paint` and `plan`: from what was given to a PaintRequest, values before models.
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import {
  type LoraRequest,
  MAX_SEED,
  type PaintRequest,
  promptSyntax,
  type PromptSyntax,
} from '../../src-preload/contract/jobs.ts';
import type { Engine } from '../engine/index.ts';
import { lorasNamed, resolveLora } from '../library/loras.ts';
import { type FoundModel, nativeSize, resolveControl, resolveModel } from '../library/models.ts';
import { type ControlArgument, type Flags, inputError, usageError } from './arguments.ts';
import type { Options } from './command.ts';

export const requestOptions: Options = {
  prompt: { type: 'string' },
  negative: { type: 'string' },
  'prompt-syntax': { type: 'string' },
  model: { type: 'string' },
  vae: { type: 'string' },
  size: { type: 'string' },
  steps: { type: 'string' },
  cfg: { type: 'string' },
  sampler: { type: 'string' },
  schedule: { type: 'string' },
  seed: { type: 'string' },
  count: { type: 'string' },
  'clip-skip': { type: 'string' },
  'vae-tiling': { type: 'boolean' },
  control: { type: 'string', multiple: true },
  lora: { type: 'string', multiple: true },
  init: { type: 'string' },
  strength: { type: 'string' },
  mask: { type: 'string' },
  latents: { type: 'string' },
  'preview-every': { type: 'string' },
  trace: { type: 'string' },
  device: { type: 'string' },
  vram: { type: 'string' },
  precision: { type: 'string' },
  // Known, and not there yet: refused with a clear word.
  weights: { type: 'string' },
  embedding: { type: 'string', multiple: true },
};

function refuseWhatIsNotThere(flags: Flags): void {
  if (flags.has('embedding')) throw usageError('--embedding is not there yet', '', 'not-available');
  const weights = flags.text('weights') ?? 'f16';
  if (weights === 'q8') throw usageError('--weights q8 is not there yet; there is f16', '', 'not-available');
  if (weights !== 'f16') throw usageError(`--weights: expected f16, found "${weights}"`);
}

function promptSyntaxOf(flags: Flags): PromptSyntax {
  const syntax = promptSyntax.safeParse(flags.text('prompt-syntax') ?? 'literal');
  if (syntax.success) return syntax.data;
  const choices = promptSyntax.options.join(' or ');
  throw usageError(`--prompt-syntax: expected ${choices}, found "${flags.text('prompt-syntax') ?? ''}"`);
}

const absolute = (path: string | null): string | null => (path === null ? null : resolve(path));

export type PaintSettings = Omit<
  PaintRequest,
  'model' | 'vae' | 'width' | 'height' | 'loras' | 'controls'
> & {
  size: { width: number; height: number } | null; // null: the model's own
};

// What the flags say without any model. What is wrong with one is told whatever models are there.
export async function readSettings(flags: Flags, engine: Engine): Promise<PaintSettings> {
  refuseWhatIsNotThere(flags);
  const init = absolute(flags.text('init'));
  const mask = absolute(flags.text('mask'));
  if (mask !== null && init === null) throw usageError('--mask needs --init: the picture to repaint');
  if (init === null && flags.has('strength')) {
    throw usageError(
      '--strength belongs to --init',
      'A ControlNet has its own: --control KIND=IMAGE,strength=F',
    );
  }
  const steps = flags.whole('steps', 20, { min: 1, max: 1000 });
  const strength = flags.number('strength', 0.75, { min: 0, max: 1 });
  if (init !== null && Math.floor(steps * strength) < 1) {
    throw inputError(
      'no-steps-left',
      `--strength ${strength} of ${steps} steps leaves none to run`,
      'Raise either.',
    );
  }
  const settings: PaintSettings = {
    type: 'paint',
    prompt: flags.text('prompt') ?? '',
    negative: flags.text('negative') ?? '',
    promptSyntax: promptSyntaxOf(flags),
    size: flags.has('size') ? flags.size('size', { width: 0, height: 0 }) : null,
    steps,
    cfg: flags.number('cfg', 7.5, { min: 0, max: 100 }),
    sampler: flags.text('sampler') ?? 'euler',
    schedule: flags.text('schedule') ?? 'normal',
    seed: flags.whole('seed', randomInt(2 ** 32), { min: 0, max: MAX_SEED }),
    count: flags.whole('count', 1, { min: 1, max: 64 }),
    clipSkip: flags.whole('clip-skip', 1, { min: 1, max: 12 }),
    vaeTiling: flags.flag('vae-tiling'),
    init,
    mask,
    strength,
    latents: absolute(flags.text('latents')),
    precision: flags.precision(),
    budgetBytes: flags.vram(),
    device: flags.text('device') ?? 'auto',
    previewEvery: flags.whole('preview-every', 0, { min: 0, max: 1000 }),
    trace: absolute(flags.text('trace')),
  };
  // "DPM++ 2M Karras" names a schedule too: only one that was given can disagree with it. Kept are our own words, so
  // that the same job is the same file however it was asked for.
  const given = flags.text('schedule');
  const choice = await engine.resolveSampler({ sampler: settings.sampler, schedule: given ?? '' });
  return { ...settings, sampler: choice.sampler, schedule: choice.schedule || settings.schedule };
}

// PATH[,F]; a comma that no number follows belongs to the path.
function readLora(text: string, models: readonly FoundModel[]): LoraRequest {
  const [, path = '', given] = /^(.*),([^,]*)$/.exec(text) ?? [];
  const strength = given === undefined || given.trim() === '' ? NaN : Number(given);
  if (Number.isNaN(strength)) return { path: resolveLora(text, models), strength: 1 };
  if (path === '' || Math.abs(strength) > 10) {
    throw usageError(`--lora: expected PATH[,STRENGTH] with a strength from -10 to 10, found "${text}"`);
  }
  return { path: resolveLora(path, models), strength };
}

export function requestWith(
  { size, ...settings }: PaintSettings,
  flags: Flags,
  controls: readonly ControlArgument[],
  models: readonly FoundModel[],
  model: string = resolveModel(flags.text('model'), models),
): PaintRequest {
  const side = nativeSize(model);
  return {
    ...settings,
    model,
    vae: flags.has('vae') ? resolveModel(flags.text('vae'), models) : null,
    ...(size ?? { width: side, height: side }),
    loras: [
      ...flags.texts('lora').map((text) => readLora(text, models)),
      ...(settings.promptSyntax === 'a1111' ? lorasNamed(settings.prompt, models) : []),
    ],
    controls: controls.map(({ kind, image, model: path, strength, start, end }) => ({
      kind,
      image: image === null ? '' : resolve(image),
      model: resolveControl(kind, path, models),
      strength,
      start,
      end,
    })),
  };
}
