// What a GGUF file is, from its header alone, before anything is loaded; and how much memory it will take.
// Parsing is @huggingface/gguf's; the judgement of sizes is ours. Not here: loading, downloading.
import { stat } from 'node:fs/promises';
import { GGMLQuantizationType } from '@huggingface/gguf';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type Header, readHeader } from './gguf-header.ts';

export interface LanguageModel {
  path: string;
  name: string; // as the file calls itself
  architecture: string;
  licence: string | null;
  bytes: number; // of the file
  parameters: number;
  contextTokens: number; // that it was trained for
  layers: number;
  cacheBytesPerToken: number; // of keys and values over all layers, 16 bits each
  chatTemplate: string | null;
  vocabulary: number;
}

// Bytes of a block and its elements, as ggml's formats define them. What is not here is judged by the file's size.
const blocks = new Map<GGMLQuantizationType, readonly [bytes: number, elements: number]>([
  [GGMLQuantizationType.F32, [4, 1]],
  [GGMLQuantizationType.F16, [2, 1]],
  [GGMLQuantizationType.BF16, [2, 1]],
  [GGMLQuantizationType.Q4_0, [18, 32]],
  [GGMLQuantizationType.Q4_1, [20, 32]],
  [GGMLQuantizationType.Q5_0, [22, 32]],
  [GGMLQuantizationType.Q5_1, [24, 32]],
  [GGMLQuantizationType.Q8_0, [34, 32]],
  [GGMLQuantizationType.Q2_K, [84, 256]],
  [GGMLQuantizationType.Q3_K, [110, 256]],
  [GGMLQuantizationType.Q4_K, [144, 256]],
  [GGMLQuantizationType.Q5_K, [176, 256]],
  [GGMLQuantizationType.Q6_K, [210, 256]],
]);

const problem = (code: string, message: string, hint: string): SluiceError =>
  new SluiceError(Status.input, code, message, hint);

const fetchAgain = 'Fetch it again, and compare its SHA-256 with the one that its page gives.';

async function headerOf(path: string): Promise<Header> {
  try {
    return await readHeader(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SluiceError(
      Status.input,
      'model-invalid',
      `${path} cannot be read as a GGUF model: ${reason}`,
      fetchAgain,
      { cause },
    );
  }
}

// Where the last tensor whose format is known ends: a shorter file was cut off.
function expectedBytes({ tensorInfos, tensorDataOffset }: Header): number {
  let end = 0;
  for (const { offset, shape, dtype } of tensorInfos) {
    const block = blocks.get(dtype);
    const elements = shape.reduce((product, side) => product * Number(side), 1);
    const bytes = block === undefined ? 0 : (elements / block[1]) * block[0];
    end = Math.max(end, Number(offset) + bytes);
  }
  return Number(tensorDataOffset) + end;
}

export async function readModel(path: string): Promise<LanguageModel> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw problem('model-missing', `the model ${path} does not exist`, 'Check the path.');
  if (!found.isFile()) throw problem('model-invalid', `${path} is not a file`, 'Name a .gguf file.');
  const header = await headerOf(path);
  const fields = new Map<string, unknown>(Object.entries(header.metadata));
  const architecture = fields.get('general.architecture');
  if (typeof architecture !== 'string') {
    throw problem('model-invalid', `${path} does not say its architecture`, 'Name a language model in GGUF.');
  }
  const text = (key: string): string | null => {
    const value = fields.get(key);
    return typeof value === 'string' ? value : null;
  };
  // Some architectures have a number for each layer: the largest one stands for all.
  const number = (key: string): number | null => {
    const value = fields.get(`${architecture}.${key}`);
    if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
    return Array.isArray(value) && value.length > 0 ? Math.max(...value.map(Number)) : null;
  };
  const layers = number('block_count');
  const width = number('embedding_length');
  const context = number('context_length');
  if (layers === null || width === null || context === null || header.tensorInfos.length === 0) {
    throw problem(
      'model-invalid',
      `${path} is no language model: its header says ${architecture}, without layers, width and context`,
      'Name a language model in GGUF.',
    );
  }
  const expected = expectedBytes(header);
  if (found.size < expected) {
    throw problem(
      'model-truncated',
      `${path} is cut off: ${found.size} bytes, and its header tells of ${expected}`,
      fetchAgain,
    );
  }
  const heads = number('attention.head_count') ?? 1;
  const cacheHeads = number('attention.head_count_kv') ?? heads;
  const keyWidth = number('attention.key_length') ?? width / heads;
  const valueWidth = number('attention.value_length') ?? width / heads;
  return {
    path,
    name: text('general.name') ?? architecture,
    architecture,
    licence: text('general.license'),
    bytes: found.size,
    parameters: header.tensorInfos.reduce(
      (sum, { shape }) => sum + shape.reduce((product, side) => product * Number(side), 1),
      0,
    ),
    contextTokens: context,
    layers,
    cacheBytesPerToken: layers * cacheHeads * (keyWidth + valueWidth) * 2,
    chatTemplate: text('tokenizer.chat_template'),
    vocabulary: header.vocabulary,
  };
}

export interface Fit {
  contextTokens: number; // that there is room for, at most what is wanted and what the model was trained for
  needBytes: number; // with that context
  fits: boolean;
}

// Scores of a batch over the vocabulary and activations: measured at some 100 MB for the smallest models.
const WORK_BYTES = 128 << 20;
const LEAST_CONTEXT = 1024;

// How a model fits into the memory that is free now. A shorter context is tried before giving up.
export function fitModel(model: LanguageModel, wantedContext: number, freeBytes: number): Fit {
  const most = Math.min(wantedContext, model.contextTokens);
  const need = (context: number): number => model.bytes + WORK_BYTES + context * model.cacheBytesPerToken;
  let context = most;
  while (need(context) > freeBytes && context / 2 >= LEAST_CONTEXT) context = Math.floor(context / 2);
  const fits = need(context) <= freeBytes;
  return { contextTokens: fits ? context : most, needBytes: need(fits ? context : most), fits };
}

// How many layers go to a device that leases so many bytes: each takes its share of weights and of the cache.
export function layersThatFit(model: LanguageModel, contextTokens: number, leasedBytes: number): number {
  const perLayer = (model.bytes + contextTokens * model.cacheBytesPerToken) / (model.layers + 1); // and the output
  return Math.max(0, Math.min(model.layers + 1, Math.floor((leasedBytes - WORK_BYTES / 2) / perLayer)));
}
