import { freemem } from 'node:os';
import { resolve } from 'node:path';
import { asSluiceError, SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Engine, InspectReport } from '../engine/index.ts';
import { folderFacts, type FoundModel, resolveModel } from '../library/models.ts';
import { modelFolders } from '../library/paths.ts';
import { findMidiModels, isMidiModel } from '../midi/models.ts';
import { largestBudget, leastBytes } from '../painting/fit.ts';
import { usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { mebibytes, type Output } from './output.ts';
import { allModels, loadEngine, loadMidiService } from './services.ts';

// Models of both kinds; what a MIDI model's header says differs from what a picture model's does.
type Listed = Omit<FoundModel, 'kind'> & { kind: FoundModel['kind'] | 'midi' };

interface MidiReport {
  tokenizer: string;
  vocab_size: number;
  hidden_size: number;
  weight_bytes: number; // as they are kept while composing
  problems: string[];
}

interface Checked extends Listed {
  report: InspectReport | MidiReport | null;
  problem: string | null;
}

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
    problems: [],
  };
}

function everyModel(): Listed[] {
  const midi = findMidiModels(modelFolders()).map((model): Listed => ({
    ...model,
    kind: 'midi',
    ...folderFacts(model.path),
  }));
  return [...allModels(), ...midi];
}

async function inspect(engine: Engine, model: Listed, verify: boolean): Promise<Checked> {
  try {
    if (model.kind === 'midi') {
      const report = verify ? await openMidi(model.path) : null;
      return { ...model, report, problem: null };
    }
    return { ...model, report: await engine.inspect(model.path, verify), problem: null };
  } catch (error) {
    const { status, message } = asSluiceError(error);
    if (status === Status.internal) throw error;
    return { ...model, report: null, problem: message };
  }
}

const problemsOf = ({ report, problem }: Checked): string[] =>
  problem !== null ? [problem] : (report?.problems ?? []);

// Whether a picture of the model's own size can be painted in the budget; null where nothing tells.
async function fits(engine: Engine, model: Listed, budget: number | null): Promise<boolean | null> {
  if (model.kind === 'midi') return model.bytes < freemem(); // they run on the processor
  if (budget === null || budget === 0 || model.kind === 'controlnet' || model.kind === 'vae') return null;
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
    const { report, problem, ...found } = checked;
    models.push({
      ...found,
      what: report,
      problems: problem === null ? problemsOf(checked) : [problem],
      fits: await fits(engine, model, budget),
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
    const path = resolveModel(name, allModels());
    return { name, path, source: 'user', kind: 'file', licence: null, bytes: 0 };
  });
}

async function verify(wanted: readonly string[], output: Output): Promise<void> {
  const engine = loadEngine();
  const models = [];
  const bad: string[] = [];
  for (const [index, model] of chosen(wanted).entries()) {
    output.log(`reading ${model.path}`);
    const checked = await inspect(engine, model, true);
    const problems = problemsOf(checked);
    if (problems.length > 0) bad.push(`${model.name}: ${problems.join('; ')}`);
    models.push({
      name: model.name,
      path: model.path,
      ok: problems.length === 0,
      problems,
      what: checked.report,
    });
    output.event('verified', { index, name: model.name, ok: problems.length === 0, problems });
  }
  if (bad.length > 0) throw new SluiceError(Status.input, 'model-invalid', bad.join('\n'), 'Fetch it again.');
  output.done(
    { models },
    models.map(({ name }) => `${name}: every tensor is there and finite`),
  );
}

async function inspectOne(wanted: readonly string[], output: Output): Promise<void> {
  const [name, ...more] = wanted;
  if (name === undefined || more.length > 0) throw usageError('models inspect takes one model');
  const [model] = chosen([name]);
  const path = model === undefined ? resolve(name) : model.path;
  const report = model?.kind === 'midi' ? await openMidi(path) : await loadEngine().inspect(path, false);
  output.done({ path, ...report }, [JSON.stringify(report, null, 2)]);
}

export const models: Command = {
  name: 'models',
  summary: 'lists, checks and describes models',
  usage: [
    'sluice models [list]               what is there: kind, size, licence, whether it fits',
    'sluice models verify [NAME|PATH…]  reads every tensor',
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
