// Models on disk: the embedded ones and the user's. Finds, names and resolves them; what is inside a file is the
// engine's to say.
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, parse, resolve, sep } from 'node:path';
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { isMidiModel } from '../midi/models.ts';
import { isLora } from './loras.ts';

export interface FoundModel {
  name: string;
  path: string;
  source: 'embedded' | 'user';
  kind: 'pipeline' | 'controlnet' | 'vae' | 'lora' | 'file';
  licence: string | null;
  bytes: number;
}

const weightFiles = new Set(['.safetensors', '.ckpt', '.bin', '.pt', '.pth']);
const classes: Record<string, FoundModel['kind']> = {
  ControlNetModel: 'controlnet',
  AutoencoderKL: 'vae',
};

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null; // verify and paint say what is wrong with it
  }
}

const named = z.looseObject({ _class_name: z.string().optional(), license: z.string().optional() });

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

function bytesBelow(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  return entriesOf(path)
    .filter((entry) => entry.isDirectory() || weightFiles.has(extname(entry.name)))
    .reduce((sum, entry) => sum + bytesBelow(join(path, entry.name)), 0);
}

// The licence as the model card's front matter or a licence file names it.
export function licenceOf(folder: string): string | null {
  const card = join(folder, 'README.md');
  if (existsSync(card)) {
    const found = /^---\n[\s\S]*?^licen[sc]e:\s*["']?([^\n"']+)/m.exec(
      readFileSync(card, 'utf8').slice(0, 20000),
    );
    if (found?.[1] !== undefined) return found[1].trim();
  }
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE'].find((name) =>
    existsSync(join(folder, name)),
  );
  if (file === undefined) return null;
  const firstLine = readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '');
  return firstLine ?? null;
}

// Licence and size of a model's folder of any kind.
export function folderFacts(path: string): { licence: string | null; bytes: number } {
  return { licence: licenceOf(path), bytes: bytesBelow(path) };
}

function describe(path: string, source: FoundModel['source'], isFolder: boolean): FoundModel | null {
  const name = isFolder ? parse(path).base : parse(path).name;
  if (!isFolder) {
    if (!weightFiles.has(extname(path))) return null;
    // What is in a file is the engine's to say; ControlNets are told by how their makers name them.
    const kind = /^control/i.test(name) ? 'controlnet' : isLora(path) ? 'lora' : 'file';
    return { name, path, source, kind, licence: null, bytes: bytesBelow(path) };
  }
  const pipeline = existsSync(join(path, 'model_index.json'));
  const config = named.safeParse(readJson(join(path, 'config.json')));
  const kind = pipeline ? 'pipeline' : config.success ? classes[config.data._class_name ?? ''] : undefined;
  if (kind === undefined) return null;
  return { name, path, source, kind, licence: licenceOf(path), bytes: bytesBelow(path) };
}

// All models below the folders, one level deep and, for a folder that is no model itself, two.
export function findModels(folders: { embedded: string; user: readonly string[] }): FoundModel[] {
  const models: FoundModel[] = [];
  const look = (folder: string, source: FoundModel['source'], depth: number): void => {
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name);
      const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
      const model = describe(path, source, isFolder);
      if (model !== null) models.push(model);
      else if (isFolder && depth > 1 && !isMidiModel(path)) look(path, source, depth - 1);
    }
  };
  look(folders.embedded, 'embedded', 2);
  for (const folder of folders.user) look(folder, 'user', 2);
  return models;
}

const looksLikePath = (text: string): boolean =>
  text.includes('/') || text.includes(sep) || text.startsWith('.') || weightFiles.has(extname(text));

// A path or the name of a found model, as a path. Null: the embedded pipeline.
export function resolveModel(wanted: string | null, models: readonly FoundModel[]): string {
  if (wanted === null) {
    const first = models.find((model) => model.source === 'embedded' && model.kind === 'pipeline');
    if (first !== undefined) return first.path;
    throw new SluiceError(
      Status.usage,
      'no-embedded-model',
      'this build has no embedded model',
      'Name one with --model: a .safetensors or .ckpt file, or a diffusers folder.',
    );
  }
  const model = models.find(
    ({ name, kind }) => name === wanted && !['controlnet', 'vae', 'lora'].includes(kind),
  );
  if (model !== undefined) return model.path;
  if (existsSync(wanted)) return resolve(wanted);
  if (looksLikePath(wanted)) {
    throw new SluiceError(
      Status.input,
      'model-missing',
      `the model ${wanted} does not exist`,
      'Check the path.',
    );
  }
  const names = models.filter(({ kind }) => kind === 'pipeline' || kind === 'file').map(({ name }) => name);
  const known = names.length > 0 ? `known are ${names.join(', ')}` : 'none is installed';
  throw new SluiceError(Status.usage, 'unknown-model', `there is no model named "${wanted}"; ${known}`);
}

const steering = ['scribble', 'canny', 'pose', 'depth'];

// The kind of drawing that a ControlNet wants, by its name: "control_v11p_sd15_openpose" is one for poses.
export function controlKind(name: string): string {
  const lower = name.toLowerCase();
  return steering.find((kind) => lower.includes(kind)) ?? name.replace(/^controlnet-/, '');
}

// The embedded ControlNet for a kind of drawing, or the given path.
export function resolveControl(kind: string, path: string | null, models: readonly FoundModel[]): string {
  if (path !== null) {
    if (existsSync(path)) return resolve(path);
    throw new SluiceError(
      Status.input,
      'model-missing',
      `the ControlNet ${path} does not exist`,
      'Check the path.',
    );
  }
  const controls = models.filter((model) => model.kind === 'controlnet');
  const found =
    controls.find(({ name }) => name === `controlnet-${kind}`) ??
    controls.find(({ name }) => name === kind) ??
    controls.find(({ name }) => controlKind(name) === kind);
  if (found !== undefined) return found.path;
  const kinds = [...new Set(controls.map(({ name }) => controlKind(name)))];
  throw new SluiceError(
    Status.usage,
    'unknown-control',
    `there is no ControlNet for "${kind}"; ${kinds.length > 0 ? `there are ${kinds.join(', ')}` : 'none is installed'}`,
    'Give the file with model=PATH.',
  );
}

const unetConfig = z.looseObject({ sample_size: z.number().int().positive().max(1024) });

// The side in pixels that a diffusers folder was trained at; 512, as SD 1.5, where nothing says.
export function nativeSize(modelPath: string): number {
  const config = unetConfig.safeParse(readJson(join(modelPath, 'unet', 'config.json')));
  return config.success ? config.data.sample_size * 8 : 512;
}
