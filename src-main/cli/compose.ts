import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type ComposeRequest, ROW, weightKind, type WeightKind } from '../../src-preload/contract/midi.ts';
import { checkOutput, writeWhole } from '../library/files.ts';
import type { Midi, MidiSession } from '../midi/index.ts';
import { findMidiModels, resolveMidiModel } from '../midi/models.ts';
import { drumKit, instrument, key, timeSignature } from '../midi/names.ts';
import { readSeed } from '../midi/seed.ts';
import { modelFolders } from '../library/paths.ts';
import { Flags, inputError, usageError } from './arguments.ts';
import type { Command, Options } from './command.ts';
import { duration } from './output.ts';
import { loadMidiService } from './services.ts';
import type { Stop } from './stop.ts';

const most = Number.MAX_SAFE_INTEGER;

// Flags that choose a model; `midi` shares them.
export const modelOptions: Options = {
  model: { type: 'string' },
  config: { type: 'string' },
  lora: { type: 'string' },
  weights: { type: 'string' },
  threads: { type: 'string' },
};

// Flags that say how tokens are drawn; `midi` shares them.
export const samplingOptions: Options = {
  events: { type: 'string' },
  temperature: { type: 'string' },
  'top-p': { type: 'string' },
  'top-k': { type: 'string' },
  seed: { type: 'string' },
};

export function weightsOf(flags: Flags): WeightKind | null {
  const text = flags.text('weights');
  if (text === null) return null;
  const parsed = weightKind.safeParse(text);
  if (!parsed.success) throw usageError(`--weights: expected f32, f16 or q8, found "${text}"`);
  return parsed.data;
}

export function openModel(midi: Midi, flags: Flags): Promise<MidiSession> {
  return midi.open({
    path: resolveMidiModel(flags.text('model'), findMidiModels(modelFolders())),
    config: flags.text('config'),
    lora: flags.text('lora'),
    weights: weightsOf(flags),
    threads: flags.whole('threads', 0, { min: 0, max: 256 }),
  });
}

export async function readInput(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SluiceError(Status.input, 'file-missing', `${path} cannot be read: ${reason}`, '', { cause });
  }
}

export function sampling(flags: Flags, events: number): ComposeRequest {
  return {
    events: flags.whole('events', events, { min: 1, max: 65536 }),
    seconds: 0,
    temperature: flags.number('temperature', 1, { min: 0, max: 100 }),
    topP: flags.number('top-p', 0.94, { min: 1e-6, max: 1 }),
    topK: flags.whole('top-k', 20, { min: 1, max: 1 << 20 }),
    seed: flags.whole('seed', Math.floor(Math.random() * 2 ** 31), { min: 0, max: most }),
    count: 1,
    instruments: [],
    drums: null,
    bpm: 0,
    timeSignature: null,
    key: null,
    noPatchChange: false,
    noControlChange: false,
    channels: null,
  };
}

const listOf = (flags: Flags, name: string): string[] | null =>
  flags
    .text(name)
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '') ?? null;

function channelsOf(flags: Flags): number[] | null {
  const list = listOf(flags, 'channels');
  if (list === null) return null;
  if (list.length === 0) throw usageError('--channels: expected numbers such as 0,1,9');
  return list.map((text) => {
    if (!/^\d+$/.test(text)) throw usageError(`--channels: expected numbers such as 0,1,9, found "${text}"`);
    if (Number(text) > 15) throw inputError('bad-channel', `--channels: channels are 0 to 15, found ${text}`);
    return Number(text);
  });
}

function requestOf(flags: Flags): ComposeRequest {
  const time = flags.text('time-signature');
  const tone = flags.text('key');
  const instruments = listOf(flags, 'instruments') ?? [];
  if (instruments.length > 15) {
    throw inputError('too-many-instruments', `--instruments: at most 15, found ${instruments.length}`);
  }
  return {
    ...sampling(flags, 512),
    seconds: flags.number('seconds', 0, { min: 0, max: 86400 }),
    count: flags.whole('count', 1, { min: 1, max: 64 }),
    instruments: instruments.map(instrument),
    drums: drumKit(flags.text('drums') ?? 'none'),
    bpm: flags.whole('bpm', 0, { min: 0, max: 383 }),
    timeSignature: time === null ? null : timeSignature(time),
    key: tone === null ? null : key(tone),
    noPatchChange: flags.flag('no-patch-change'),
    noControlChange: flags.flag('no-control-change'),
    channels: channelsOf(flags),
  };
}

function outputPaths(out: string, count: number): string[] {
  if (extname(out).toLowerCase() !== '.mid')
    throw usageError(`--out: expected a name ending in .mid, found "${out}"`);
  if (count === 1) return [resolve(out)];
  return Array.from({ length: count }, (_, i) => resolve(`${out.slice(0, -4)}-${i + 1}.mid`));
}

// The rows of the seed file that are read: bos and the first events.
async function seedRows(midi: Midi, session: MidiSession, flags: Flags, tell: (text: string) => void) {
  const path = flags.text('seed-midi');
  if (path === null) return new Uint32Array();
  const optimise = flags.flag('optimise') || null;
  const { rows, notices } = await readSeed(midi, session, await readInput(path), {
    optimise: flags.flag('no-optimise') ? false : optimise,
    remap: flags.flag('remap'),
    defaultInstruments: flags.flag('default-instruments'),
    removeEmptyChannels: flags.flag('remove-empty-channels'),
    keepSmallChanges: flags.flag('keep-small-changes'),
    events: flags.text('seed-events') === null ? null : flags.whole('seed-events', 0, { min: 0, max: most }),
  }).catch((error: unknown) => {
    if (!(error instanceof SluiceError)) throw error;
    throw new SluiceError(error.status, error.code, `${path}: ${error.message}`, error.hint, {
      cause: error,
    });
  });
  for (const notice of notices) tell(`${path}: ${notice}`);
  if (rows.length <= ROW && flags.text('seed-events') === null)
    tell(`${path}: there is no music in it; the piece begins anew`);
  return rows;
}

async function composeFiles(flags: Flags, output: Parameters<Command['run']>[1], stop: Stop): Promise<void> {
  const request = requestOf(flags);
  const paths = outputPaths(flags.required('out'), request.count);
  for (const path of paths) await checkOutput(path);
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const midi = loadMidiService();
  const session = await openModel(midi, flags);
  const loadSeconds = elapsed();
  const leave = stop.onAsked(() => session.stop());
  try {
    const seed = await seedRows(midi, session, flags, (text) => output.log(text));
    // By a function: the compiler takes a property that was false for false forever.
    const asked = (): boolean => stop.asked;
    const cancelled = (): SluiceError =>
      new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
    if (asked()) throw cancelled();
    let step = 0;
    let told = -1;
    const steps = request.events;
    const onEvent = (variation: number): void => {
      if (variation === 0) step++;
      // A line a tenth of a second is enough for people and programs.
      if (elapsed() - told < 0.1 && step < steps) return;
      told = elapsed();
      output.progress({ stage: 'compose', step, steps, seconds: told });
    };
    const { variations, figures } = await session.compose(request, seed, onEvent);
    if (asked()) throw cancelled();
    const files = await Promise.all(
      variations.map(async (rows, i) => ({
        path: paths[i] ?? '',
        content: await midi.detokenize(session.version, rows),
      })),
    );
    await writeWhole(files, () => !stop.asked);
    output.done(
      {
        out: paths.length === 1 ? paths[0] : paths,
        events: figures.events,
        tokens: figures.tokens,
        seconds: elapsed(),
        load_seconds: loadSeconds,
        events_per_second: figures.eventsPerSecond,
        first_event_seconds: figures.firstEventSeconds,
        peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
        seed: request.seed,
        seed_events: Math.max(0, seed.length / ROW - 1),
        weight_bytes: session.weightBytes,
        cache_bytes: figures.cacheBytes,
      },
      [
        ...paths,
        `${figures.events} events, ${figures.eventsPerSecond.toFixed(0)} a second, seed ${request.seed}, ${duration(elapsed())}`,
      ],
    );
  } finally {
    leave();
    session.close();
  }
}

export const compose: Command = {
  name: 'compose',
  summary: 'continues a MIDI file, or begins a new piece',
  usage: [
    'sluice compose --out FILE.mid [--seed-midi FILE.mid [--seed-events N]] [--events N] [--seconds F]',
    '  --model NAME|PATH [--config NAME] [--lora FOLDER] --weights f32|f16|q8 --threads N',
    '  --temperature F --top-p F --top-k N --seed N --count N',
    '  --instruments LIST --drums NAME --bpm N --time-signature N/D --key NAME',
    '  --no-patch-change --no-control-change --channels LIST',
    '  --optimise|--no-optimise --remap --default-instruments --remove-empty-channels --keep-small-changes (the seed)',
    'Instruments are General MIDI names or numbers: "violin,cello,0". --seconds bounds the new music.',
  ].join('\n'),
  options: {
    ...modelOptions,
    ...samplingOptions,
    'seed-midi': { type: 'string' },
    'seed-events': { type: 'string' },
    seconds: { type: 'string' },
    count: { type: 'string' },
    instruments: { type: 'string' },
    drums: { type: 'string' },
    bpm: { type: 'string' },
    'time-signature': { type: 'string' },
    key: { type: 'string' },
    'no-patch-change': { type: 'boolean' },
    'no-control-change': { type: 'boolean' },
    channels: { type: 'string' },
    optimise: { type: 'boolean' },
    'no-optimise': { type: 'boolean' },
    remap: { type: 'boolean' },
    'default-instruments': { type: 'boolean' },
    'remove-empty-channels': { type: 'boolean' },
    'keep-small-changes': { type: 'boolean' },
    out: { type: 'string' },
  },
  async run(given, output, stop) {
    if (given.positionals.length > 0) throw usageError(`compose takes no "${given.positionals.join(' ')}"`);
    await composeFiles(new Flags(given), output, stop);
  },
};
