import { freemem } from 'node:os';
import { resolve } from 'node:path';
import { asSluiceError, SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Engine, InspectReport } from '../engine/index.ts';
import { folderFacts, type FoundModel, resolveModel } from '../library/models.ts';
import { cacheDir, modelFolders } from '../library/paths.ts';
import { fitModel, type LanguageModel, readModel } from '../llama/gguf.ts';
import { availableMemory } from '../llama/memory.ts';
import { findLanguageModels } from '../llama/models.ts';
import { findMidiModels, isMidiModel } from '../midi/models.ts';
import { largestBudget, leastBytes } from '../painting/fit.ts';
import { usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { mebibytes, type Output } from './output.ts';
import { allModels, loadEngine, loadMidiService } from './services.ts';

// Models of all crafts; what their headers say differs.
type Listed = Omit<FoundModel, 'kind'> & { kind: FoundModel['kind'] | 'midi' | 'language' };

interface MidiReport {
  tokenizer: string;
  vocab_size: number;
  hidden_size: number;
  weight_bytes: number; // as they are kept while composing
}

interface LanguageReport extends Pick<
  LanguageModel,
  'architecture' | 'parameters' | 'layers' | 'vocabulary'
> {
  context_tokens: number; // that it was trained for
  chat_template: boolean;
  need_bytes: number; // of memory, with a context of 8192 tokens or what there is room for
}

interface Problem {
  text: string;
  hint: string; // what to do about it; empty: nothing better than fetching it again
}

interface Checked extends Listed {
  report: InspectReport | MidiReport | LanguageReport | null;
  problems: Problem[];
  fits?: boolean; // where the header alone tells
}

const WANTED_CONTEXT = 8192;

// Opening one reads every tensor, and fails where one is missing, misshapen or not finite.
async function openMidi(path: string): Promise<MidiReport> {
  const choice = { path, weights: null, config: null, lora: null, threads: 0 };
  const session = await loadMidiService().open(choice);
  const { version, vocabSize, hiddenSize, weightBytes } = session;
  session.close();
  return {
    tokenizer: version,
    vocab_size: vocabSize,
    hidden_size: hiddenSize,
    weight_bytes: weightBytes,
  };
}

// From its header, which is read whole and compared with the file's length; the weights are not.
async function readLanguage(
  path: string,
): Promise<{ licence: string | null; fits: boolean; report: LanguageReport }> {
  const model = await readModel(path);
  const { architecture, parameters, layers, vocabulary, licence } = model;
  const { needBytes, fits } = fitModel(model, WANTED_CONTEXT, availableMemory());
  const report = {
    ...{ architecture, parameters, layers, vocabulary, context_tokens: model.contextTokens },
    ...{ chat_template: model.chatTemplate !== null, need_bytes: needBytes },
  };
  return { licence, fits, report };
}

function everyModel(): Listed[] {
  const midi = findMidiModels(modelFolders()).map((model): Listed => ({
    ...model,
    kind: 'midi',
    ...folderFacts(model.path),
  }));
  const places = { cacheDir: cacheDir(), folders: modelFolders().user };
  const language = findLanguageModels(places).map((model): Listed => ({
    ...model,
    kind: 'language',
    licence: null, // the header's to say
  }));
  return [...allModels(), ...midi, ...language];
}

async function inspect(engine: Engine, model: Listed, verify: boolean): Promise<Checked> {
  try {
    if (model.kind === 'midi') {
      const report = verify ? await openMidi(model.path) : null;
      return { ...model, report, problems: [] };
    }
    if (model.kind === 'language') return { ...model, ...(await readLanguage(model.path)), problems: [] };
    const report = await engine.inspect(model.path, verify);
    const problems = (report.problems ?? []).map((text, i) => ({ text, hint: report.hints?.[i] ?? '' }));
    return { ...model, report, problems };
  } catch (error) {
    const { status, message, hint } = asSluiceError(error);
    if (status === Status.internal) throw error;
    return { ...model, report: null, problems: [{ text: message, hint }] };
  }
}

// Whether a picture of the model's own size can be painted in the budget; null where nothing tells.
async function fits(engine: Engine, model: Checked, budget: number | null): Promise<boolean | null> {
  if (model.kind === 'language') return model.fits ?? null;
  if (model.kind === 'midi') return model.bytes < freemem(); // they run on the processor
  if (budget === null || budget === 0 || ['controlnet', 'vae', 'lora'].includes(model.kind)) return null;
  try {
    return (await leastBytes(engine, model.path)) <= budget;
  } catch {
    return null; // a file that is no pipeline, or a broken one: its problems say so
  }
}

async function list(output: Output): Promise<void> {
  const engine = loadEngine();
  const budget = await largestBudget(engine).catch(() => null);
  const models = [];
  for (const model of everyModel()) {
    const checked = await inspect(engine, model, false);
    const { report, problems, ...found } = checked;
    models.push({
      ...found,
      what: report,
      problems: problems.map(({ text }) => text),
      fits: await fits(engine, checked, budget),
    });
  }
  const { embedded, user } = modelFolders();
  const lines = models.map(({ name, kind, source, licence, bytes, fits: room, problems }) =>
    [
      name.padEnd(28),
      kind.padEnd(10),
      source.padEnd(8),
      mebibytes(bytes).padStart(9),
      licence ?? 'licence unknown',
      room === null ? '' : room ? 'fits' : 'does not fit',
      ...problems,
    ].join('  '),
  );
  if (lines.length === 0) lines.push('No models found.');
  lines.push(`Looked in ${[embedded, ...user].join(', ')}`);
  output.done({ models, folders: [embedded, ...user] }, lines);
}

function chosen(wanted: readonly string[]): Listed[] {
  const models = everyModel();
  if (wanted.length === 0) return models;
  return wanted.map((name) => {
    const found = models.find((model) => model.name === name);
    if (found !== undefined) return found;
    if (isMidiModel(name)) {
      const path = resolve(name);
      return { name, path, source: 'user', kind: 'midi', ...folderFacts(path) };
    }
    if (name.endsWith('.gguf'))
      return { name, path: resolve(name), source: 'user', kind: 'language', licence: null, bytes: 0 };
    const path = resolveModel(name, allModels());
    return { name, path, source: 'user', kind: 'file', licence: null, bytes: 0 };
  });
}

async function verify(wanted: readonly string[], output: Output): Promise<void> {
  const engine = loadEngine();
  const models = [];
  const bad: string[] = [];
  const hints = new Set<string>();
  for (const [index, model] of chosen(wanted).entries()) {
    output.log(`reading ${model.path}`);
    const { report, problems: found } = await inspect(engine, model, true);
    const problems = found.map(({ text }) => text);
    const ok = problems.length === 0;
    // Most sentences begin with the path; a model that is named by its path is not named twice.
    bad.push(...problems.map((text) => (text.startsWith(model.name) ? text : `${model.name}: ${text}`)));
    for (const { hint } of found) hints.add(hint || 'Fetch it again.');
    models.push({ name: model.name, kind: model.kind, path: model.path, ok, problems, what: report });
    output.event('verified', { index, name: model.name, ok, problems });
  }
  if (bad.length > 0)
    throw new SluiceError(Status.input, 'model-invalid', bad.join('\n'), [...hints].join(' '));
  output.done(
    { models },
    models.map(({ name, kind }) =>
      kind === 'language'
        ? `${name}: its header is sound, and the file as long as that tells`
        : `${name}: every tensor is there and finite`,
    ),
  );
}

async function inspectOne(wanted: readonly string[], output: Output): Promise<void> {
  const [name, ...more] = wanted;
  if (name === undefined || more.length > 0) throw usageError('models inspect takes one model');
  const [model] = chosen([name]);
  const path = model === undefined ? resolve(name) : model.path;
  const read = async () => {
    if (model?.kind === 'midi') return openMidi(path);
    return model?.kind === 'language' ? (await readLanguage(path)).report : loadEngine().inspect(path, false);
  };
  const report = await read();
  output.done({ path, ...report }, [JSON.stringify(report, null, 2)]);
}

export const models: Command = {
  name: 'models',
  summary: 'lists, checks and describes models',
  usage: [
    'sluice models [list]               what is there: kind, size, licence, whether it fits',
    'sluice models verify [NAME|PATH…]  reads every tensor (of a .gguf: its header)',
    'sluice models inspect NAME|PATH    what a file or folder is',
  ].join('\n'),
  options: {},
  async run({ positionals }, output) {
    const [action = 'list', ...rest] = positionals;
    switch (action) {
      case 'list':
        if (rest.length > 0) throw usageError(`models list takes no arguments, found "${rest.join(' ')}"`);
        return list(output);
      case 'verify':
        return verify(rest, output);
      case 'inspect':
        return inspectOne(rest, output);
      default:
        throw usageError(`models has no "${action}"; it has list, verify, inspect`, '', 'unknown-action');
    }
  },
};
