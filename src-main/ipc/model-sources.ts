// Where the models pane gets what it shows: the same services as painting, chat and composing.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ChatModel } from '../../src-preload/contract/chat.ts';
import { describeModel } from '../chat/models.ts';
import { languageModelPlaces } from '../services/language.ts';
import type { Engine } from '../engine/index.ts';
import { findModels, licenceOf } from '../library/models.ts';
import { modelFolders } from '../library/paths.ts';
import { availableMemory } from '../llama/memory.ts';
import { findLanguageModels } from '../llama/models.ts';
import { findMidiModels } from '../midi/models.ts';
import type { LocalSources } from '../models/local.ts';
import { largestBudget, leastBytes } from '../painting/fit.ts';

const bytesOf = (path: string): number => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce(
    (sum, name) => sum + (statSync(join(path, name)).isFile() ? bytesOf(join(path, name)) : 0),
    0,
  );
};

// What is the same of a MIDI model's folder for each ask.
const midiModels = (): ReturnType<LocalSources['midi']> =>
  findMidiModels(modelFolders()).map((found) => ({
    ...found,
    bytes: bytesOf(found.path),
    licence: licenceOf(found.path),
  }));

export function modelSources(engine: () => Engine): Omit<LocalSources, 'isOurs'> {
  return {
    pictures: () => findModels(modelFolders()),
    language: () =>
      Promise.all(
        findLanguageModels(languageModelPlaces()).map(
          async (found): Promise<ChatModel & { path: string }> => ({
            ...(await describeModel(found)),
            path: found.path,
          }),
        ),
      ),
    midi: midiModels,
    inspect: async (path) => {
      const { kind, problems } = await engine().inspect(path, false);
      return { kind, problems: problems ?? [] };
    },
    leastBytes: ({ path }) => leastBytes(engine(), path),
    deviceBytes: async () => largestBudget(engine()),
    freeBytes: availableMemory,
  };
}
