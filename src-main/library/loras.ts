// LoRAs on disk: found by the names that prompts have for them, told from checkpoints by what is in them.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { extname, parse, resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { LoraRequest } from '../../src-preload/contract/jobs.ts';
import { loraTags, withTag } from '../../src-preload/contract/lora-tags.ts';
import type { FoundModel } from './models.ts';

// The prompt with a tag for every LoRA of the job that it does not name itself.
export function withTags(prompt: string, loras: readonly LoraRequest[]): string {
  const named = new Set(loraTags(prompt).map(({ name }) => name));
  return loras
    .map(({ path, strength }) => ({ name: parse(path).name, strength }))
    .filter(({ name }) => !named.has(name))
    .reduce((text, { name, strength }) => withTag(text, name, strength), prompt);
}

function named(wanted: string, models: readonly FoundModel[]): string {
  const loras = models.filter(({ kind }) => kind === 'lora');
  const found = loras.find(({ name }) => name === wanted);
  if (found !== undefined) return found.path;
  const known =
    loras.length > 0 ? `known are ${loras.map(({ name }) => name).join(', ')}` : 'none is installed';
  throw new SluiceError(
    Status.usage,
    'unknown-lora',
    `there is no LoRA named "${wanted}"; ${known}`,
    'Put its file into a model folder, or name the file with --lora PATH.',
  );
}

// A path or the name of a found LoRA, as a path.
export function resolveLora(wanted: string, models: readonly FoundModel[]): string {
  if (existsSync(wanted)) return resolve(wanted);
  if (!/[\\/]|\.(safetensors|pt|ckpt|bin)$/.test(wanted)) return named(wanted, models);
  throw new SluiceError(Status.input, 'lora-missing', `the LoRA ${wanted} does not exist`, 'Check the path.');
}

// What the prompt's tags name, in order. By names alone: prompts come from anywhere, and are to open no other files.
export function lorasNamed(prompt: string, models: readonly FoundModel[]): LoraRequest[] {
  return loraTags(prompt).map(({ name, strength }) => ({ path: named(name, models), strength }));
}

const HEAD_BYTES = 256 * 1024;
const judged = new Map<string, boolean>(); // by path, size and time of change: folders are looked through often

function hasLowRankNames(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const text = head.toString('latin1', 8, readSync(file, head, 0, HEAD_BYTES, 0));
    if (/"lora_controlnet"|"model\.diffusion_model\./.test(text)) return false;
    return /"ss_network_module"|"lora_(?:unet|te\d?)_|\.lora_[AB]\.|\.lora\.(?:down|up)\.|_lora\.(?:down|up)\./.test(
      text,
    );
  } finally {
    closeSync(file);
  }
}

// Whether a .safetensors file holds a LoRA, by the names at its beginning. False for what cannot be read.
export function isLora(path: string): boolean {
  if (extname(path) !== '.safetensors') return false;
  try {
    const { size, mtimeMs } = statSync(path);
    const key = `${path}\n${size}\n${mtimeMs}`;
    const known = judged.get(key) ?? hasLowRankNames(path);
    judged.set(key, known);
    return known;
  } catch {
    return false;
  }
}
