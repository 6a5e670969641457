// How each language model on the disk suits this machine, judged from its header and from what memory is free now.
import type { ChatModel } from '../../src-preload/contract/chat.ts';
import { fitModel, type LanguageModel, readModel } from '../llama/gguf.ts';
import { availableMemory } from '../llama/memory.ts';
import type { FoundLanguageModel } from '../llama/models.ts';

export const WANTED_CONTEXT = 8192;

// Each token reads all weights once. Ordinary memory moves some 15 GB a second, and people read five tokens in one.
const SLOW_BYTES = 3_000_000_000;

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

export function judgeModel(
  model: Pick<LanguageModel, 'bytes' | 'contextTokens' | 'cacheBytesPerToken'>,
  freeBytes: number,
): Pick<ChatModel, 'fit' | 'why'> {
  const { fits, needBytes, contextTokens } = fitModel(model as LanguageModel, WANTED_CONTEXT, freeBytes);
  const need = `needs ${gib(needBytes)} of memory, ${gib(freeBytes)} are free`;
  if (!fits) return { fit: 'too-large', why: `Too large: ${need}` };
  if (contextTokens < Math.min(WANTED_CONTEXT, model.contextTokens))
    return { fit: 'slow', why: `Fits with a context of ${contextTokens} tokens only: ${need}` };
  if (model.bytes > SLOW_BYTES) return { fit: 'slow', why: `Slow on a processor: ${need}` };
  return { fit: 'fits', why: `Fits: ${need}` };
}

export async function describeModel(
  found: FoundLanguageModel,
  freeBytes = availableMemory(),
): Promise<ChatModel> {
  const { name, source, bytes, path } = found;
  const plain = { name, embedded: source === 'embedded', bytes };
  try {
    const model = await readModel(path);
    const { parameters, contextTokens, licence } = model;
    return { ...plain, parameters, contextTokens, licence, ...judgeModel(model, freeBytes) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...plain, parameters: 0, contextTokens: 0, licence: null, fit: 'unreadable', why };
  }
}
