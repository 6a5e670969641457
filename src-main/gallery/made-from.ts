// From the texts of a PNG file to the settings that the picture was made from. Files come from anywhere: what does not
// fit is left out, never guessed, and nothing here throws.
import { parse } from 'node:path';
import { z } from 'zod';
import type { MadeFrom } from '../../src-preload/contract/gallery.ts';
import { promptSyntax } from '../../src-preload/contract/jobs.ts';
import { withTags } from '../library/loras.ts';
import type { PngText } from '../library/png.ts';

type Readable = Omit<MadeFrom, 'controls'> & {
  controls: (Omit<MadeFrom['controls'][number], 'url'> & { image: string | null })[];
};

const nothing: Omit<Readable, 'by'> = {
  prompt: '',
  negative: '',
  model: null,
  steps: null,
  cfg: null,
  sampler: null,
  schedule: null,
  seed: null,
  strength: null,
  controls: [],
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// A number of the wanted kind, whether it was written as a number or as text; null for anything else.
function number(value: unknown, integer = false): number | null {
  const found = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof found !== 'number' || !Number.isFinite(found) || found < 0) return null;
  return integer && !Number.isSafeInteger(found) ? null : found;
}
const whole = (value: unknown): number | null => number(value, true);
const positive = (value: unknown): number | null => (whole(value) === 0 ? null : whole(value));
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const ours = z.looseObject({
  sluice: z.literal(1),
  prompt: z.string(),
  negative: z.string().catch(''),
  promptSyntax: promptSyntax.catch('literal'),
  loras: z.array(z.looseObject({ path: z.string(), strength: z.number() })).catch([]),
  controls: z
    .array(
      z.looseObject({
        kind: z.string(),
        image: z.string().nullable().catch(null),
        strength: z.number(),
        start: z.number(),
        end: z.number(),
      }),
    )
    .catch([]),
});

// A literal prompt as it has to be written where brackets are weights: what the window paints from.
const escaped = (prompt: string): string => prompt.replace(/[()[\]\\]/g, '\\$&');

function readOurs(value: unknown): Readable | null {
  const found = ours.safeParse(value);
  if (!found.success) return null;
  const { controls, loras, ...rest } = found.data;
  const written = rest.promptSyntax === 'literal' ? escaped : (prompt: string) => prompt;
  const model = text(rest['model']);
  return {
    by: 'sluice',
    prompt: withTags(written(rest.prompt), loras),
    negative: written(rest.negative),
    model: model === null ? null : parse(model).name,
    steps: positive(rest['steps']),
    cfg: number(rest['cfg']),
    sampler: text(rest['sampler']),
    schedule: text(rest['schedule']),
    seed: whole(rest['seed']),
    strength: rest['init'] == null ? null : number(rest['strength']),
    controls: controls.map(({ kind, image, strength, start, end }) => ({
      kind,
      image,
      strength,
      start,
      end,
    })),
  };
}

const samplers: Record<string, string> = {
  euler: 'euler',
  'euler a': 'euler_a',
  euler_a: 'euler_a',
  euler_ancestral: 'euler_a',
  ddim: 'ddim',
  'dpm++ 2m': 'dpmpp_2m',
  dpmpp_2m: 'dpmpp_2m',
};
const schedules: Record<string, string> = {
  automatic: 'normal',
  normal: 'normal',
  karras: 'karras',
  exponential: 'exponential',
};
const ourWord = (words: Record<string, string>, value: string | null): string | null =>
  value === null ? null : (words[value.toLowerCase()] ?? value);

// A1111 wrote the schedule into the sampler's name until version 1.9.
function samplerAndSchedule(name: string | null, schedule: string | null): [string | null, string | null] {
  const old = schedule === null && name !== null ? /^(.*) (Karras|Exponential)$/.exec(name) : null;
  return [
    ourWord(samplers, old?.[1] ?? name),
    ourWord(schedules, old?.[2] ?? schedule ?? (name === null ? null : 'Automatic')),
  ];
}

// "Steps: 20, Sampler: Euler a, ControlNet 0: "Module: none, Model: x"": values with commas stand in quotes.
function readFields(line: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, name = '', value = ''] of line.matchAll(/\s*([^:,]+):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)/g)) {
    fields.set(name.trim(), value.startsWith('"') ? value.slice(1, -1) : value.trim());
  }
  return fields;
}

function readControl(value: string): Readable['controls'][number] | null {
  const fields = readFields(value);
  const kind = /\[([^\]]+)\]\s*$/.exec(fields.get('Model') ?? '')?.[1];
  if (kind === undefined) return null;
  return {
    kind,
    image: null,
    strength: number(fields.get('Weight')) ?? 1,
    start: number(fields.get('Guidance Start')) ?? 0,
    end: number(fields.get('Guidance End')) ?? 1,
  };
}

// The settings are the last line, which begins with "Steps:"; before it the prompt and the negative one.
function readParameters(source: string): Readable | null {
  const at = source.lastIndexOf('\nSteps: ');
  if (at < 0 && !source.startsWith('Steps: ')) return null;
  const fields = readFields(source.slice(at + 1).replaceAll('\n', ' '));
  const words = at < 0 ? '' : source.slice(0, at);
  const split = /(?:^|\n)Negative prompt: /.exec(words);
  const [sampler, schedule] = samplerAndSchedule(
    text(fields.get('Sampler')),
    text(fields.get('Schedule type')),
  );
  return {
    by: 'a1111',
    prompt: (split === null ? words : words.slice(0, split.index)).trim(),
    negative: split === null ? '' : words.slice(split.index + split[0].length).trim(),
    model: text(fields.get('Model')),
    steps: positive(fields.get('Steps')),
    cfg: number(fields.get('CFG scale')),
    sampler,
    schedule,
    seed: whole(fields.get('Seed')),
    strength: number(fields.get('Denoising strength')),
    controls: [...fields]
      .filter(([name]) => name.startsWith('ControlNet '))
      .map(([, value]) => readControl(value))
      .filter((control) => control !== null),
  };
}

const invoke = z.looseObject({ positive_prompt: z.string() });

function readInvoke(value: unknown): Readable | null {
  const found = invoke.safeParse(value);
  if (!found.success) return null;
  const { positive_prompt, ...rest } = found.data;
  const model = rest['model'];
  const named = typeof model === 'object' && model !== null && 'name' in model ? model.name : model;
  return {
    ...nothing,
    by: 'invokeai',
    prompt: positive_prompt,
    negative: text(rest['negative_prompt']) ?? '',
    model: text(named),
    steps: positive(rest['steps']),
    cfg: number(rest['cfg_scale']),
    sampler: ourWord(samplers, text(rest['scheduler'])),
    schedule: null,
    seed: whole(rest['seed']),
    strength: number(rest['strength']),
  };
}

const comfyNode = z.looseObject({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) });
type ComfyNode = z.infer<typeof comfyNode>;

// A graph of nodes; an input is a value or the name of the node that gives it.
function readComfy(value: unknown): Readable | null {
  if (typeof value !== 'object' || value === null) return null;
  const nodes = new Map<string, ComfyNode>();
  for (const [name, node] of Object.entries(value)) {
    const parsed = comfyNode.safeParse(node);
    if (parsed.success) nodes.set(name, parsed.data);
  }
  const sampler = [...nodes.values()].find(({ class_type }) => class_type.startsWith('KSampler'));
  if (sampler === undefined) return null;
  const linked = (link: unknown): ComfyNode | undefined =>
    Array.isArray(link) ? nodes.get(String(link[0])) : undefined;
  // Conditioning passes through ControlNets and the like on its way from the words.
  const words = (link: unknown, depth = 0): string => {
    const node = linked(link);
    if (node === undefined || depth > 16) return '';
    const own = node.inputs['text'];
    if (typeof own === 'string') return own;
    return words(node.inputs['conditioning'] ?? node.inputs['positive'] ?? own, depth + 1);
  };
  const { inputs } = sampler;
  const checkpoint = [...nodes.values()].find(({ class_type }) => class_type.startsWith('CheckpointLoader'));
  const file = text(checkpoint?.inputs['ckpt_name']);
  return {
    ...nothing,
    by: 'comfyui',
    prompt: words(inputs['positive']),
    negative: words(inputs['negative']),
    model: file === null ? null : parse(file).name,
    steps: positive(inputs['steps']),
    cfg: number(inputs['cfg']),
    sampler: ourWord(samplers, text(inputs['sampler_name'])),
    schedule: ourWord(schedules, text(inputs['scheduler'])),
    seed: whole(inputs['seed'] ?? inputs['noise_seed']),
    strength: null,
  };
}

// `controlUrl` gives the address of a kept control picture by its file name, or null.
export function madeFromTexts(
  texts: readonly PngText[],
  controlUrl: (image: string) => string | null = () => null,
): MadeFrom | null {
  const of = (keyword: string): string => texts.find((each) => each.keyword === keyword)?.text ?? '';
  const found =
    readOurs(jsonOf(of('sluice'))) ??
    readParameters(of('parameters')) ??
    readInvoke(jsonOf(of('invokeai_metadata'))) ??
    readComfy(jsonOf(of('prompt')));
  if (found === null) return null;
  return {
    ...found,
    controls: found.controls.map(({ image, ...control }) => ({
      ...control,
      url: image === null ? null : controlUrl(image),
    })),
  };
}
