// All models on this machine, of every craft: what each is, under which licence, and how it fits.
import type { ChatModel } from '../../src-preload/contract/chat.ts';
import type { LocalModel, ModelKind } from '../../src-preload/contract/models.ts';
import type { FoundModel } from '../library/models.ts';

export interface LocalSources {
  pictures(): readonly FoundModel[];
  language(): Promise<readonly (ChatModel & { path: string })[]>;
  midi(): readonly {
    name: string;
    path: string;
    source: 'embedded' | 'user';
    bytes: number;
    licence: string | null;
  }[];
  // What is inside a single file: the engine's word for it, and what is wrong.
  inspect(path: string): Promise<{ kind: string; problems: readonly string[] }>;
  // The least device memory that a picture of the model's own size takes, in bytes.
  leastBytes(model: FoundModel): Promise<number>;
  // What the best device offers; null without one.
  deviceBytes(): Promise<number | null>;
  freeBytes(): number; // of the host
  isOurs(path: string): boolean;
}

const words: Record<string, ModelKind> = {
  pipeline: 'picture',
  checkpoint: 'picture',
  controlnet: 'controlnet',
  vae: 'vae',
  lora: 'lora',
};

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

type Judged = Pick<LocalModel, 'kind' | 'fit' | 'why'>;

async function judgePicture(
  model: FoundModel,
  sources: LocalSources,
  device: number | null,
): Promise<Judged> {
  let kind: ModelKind = words[model.kind] ?? 'other';
  if (model.kind !== 'pipeline') {
    try {
      const { kind: found, problems } = await sources.inspect(model.path);
      kind = words[found] ?? kind;
      if (problems.length > 0) return { kind, fit: 'unreadable', why: problems.join('; ') };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { kind, fit: 'unreadable', why };
    }
  }
  if (kind === 'lora') {
    return { kind, fit: 'unknown', why: `Write <lora:${model.name}:1> into a prompt to paint with it` };
  }
  if (kind !== 'picture') return { kind, fit: 'unknown', why: '' };
  try {
    const least = await sources.leastBytes(model);
    const need = `needs at least ${mebibytes(least)} of graphics memory`;
    if (device === null) return { kind, fit: 'unknown', why: `It ${need}; no device was found` };
    const has = `the device offers ${mebibytes(device)}`;
    return least <= device
      ? { kind, fit: 'fits', why: `Fits: it ${need}, ${has}` }
      : { kind, fit: 'too-large', why: `Too large: it ${need}, ${has}` };
  } catch (error) {
    return { kind, fit: 'unreadable', why: error instanceof Error ? error.message : String(error) };
  }
}

function judgeMidi(bytes: number, free: number): Judged {
  const need = `needs about ${mebibytes(bytes)} of memory, ${mebibytes(free)} are free`;
  return bytes <= free
    ? { kind: 'midi', fit: 'fits', why: `Fits: ${need}` }
    : { kind: 'midi', fit: 'too-large', why: `Too large: ${need}` };
}

interface Listed {
  path: string;
  name: string;
  bytes: number;
  licence: string | null;
}

export async function localModels(sources: LocalSources): Promise<LocalModel[]> {
  const device = await sources.deviceBytes();
  const described = (
    { path, name, bytes, licence }: Listed,
    embedded: boolean,
    judged: Judged,
  ): LocalModel => ({ id: path, name, embedded, bytes, licence, ours: sources.isOurs(path), ...judged });
  const models: LocalModel[] = [];
  for (const found of sources.pictures())
    models.push(described(found, found.source === 'embedded', await judgePicture(found, sources, device)));
  for (const found of await sources.language())
    models.push(described(found, found.embedded, { kind: 'language', fit: found.fit, why: found.why }));
  for (const found of sources.midi())
    models.push(described(found, found.source === 'embedded', judgeMidi(found.bytes, sources.freeBytes())));
  return models;
}
