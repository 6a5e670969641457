import { resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { ROW, tokenizerVersion, type TokenizerVersion } from '../../src-preload/contract/midi.ts';
import { checkOutput, writeWhole } from '../library/files.ts';
import { encodeFloatTensors } from '../library/safetensors.ts';
import type { MidiSession } from '../midi/index.ts';
import { formatTokenFile, parseTokenFile, type TokenFile } from '../midi/token-file.ts';
import { Flags, inputError, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { modelOptions, openModel, readInput, sampling, samplingOptions } from './compose.ts';
import type { Output } from './output.ts';
import { loadMidiService } from './services.ts';
import type { Stop } from './stop.ts';

const actions = ['tokens', 'detokenize', 'continue', 'logits'];

interface Action {
  flags: Flags;
  file: string | null; // what stands behind the action's name
  out: string;
  output: Output;
  stop: Stop;
}

const writeText = (path: string, text: string, stop: Stop): Promise<void> =>
  writeWhole([{ path, content: Buffer.from(text) }], () => !stop.asked);

async function readTokens(path: string): Promise<TokenFile> {
  return parseTokenFile((await readInput(path)).toString('utf8'), path);
}

function versionOf(flags: Flags): TokenizerVersion {
  const text = flags.text('tokenizer') ?? 'v2';
  const parsed = tokenizerVersion.safeParse(text);
  if (!parsed.success) throw usageError(`--tokenizer: expected v1 or v2, found "${text}"`);
  return parsed.data;
}

function needFile({ file }: Action, what: string): string {
  if (file === null) throw usageError(`midi ${what} takes one file`);
  return file;
}

async function tokens(action: Action): Promise<void> {
  const { flags, out, output, stop } = action;
  const file = needFile(action, 'tokens');
  if (flags.flag('optimise') && flags.flag('no-optimise'))
    throw usageError('--optimise and --no-optimise exclude one another');
  const version = versionOf(flags);
  const tidy = !flags.flag('no-optimise');
  const { rows, notices } = await loadMidiService()
    .tokenize(await readInput(file), {
      version,
      remap: tidy,
      defaultInstruments: tidy,
      removeEmptyChannels: tidy,
      keepSmallChanges: flags.flag('keep-small-changes'),
      strict: flags.flag('strict'),
    })
    .catch((error: unknown) => {
      if (!(error instanceof SluiceError)) throw error;
      throw new SluiceError(error.status, error.code, `${file}: ${error.message}`, error.hint, {
        cause: error,
      });
    });
  for (const notice of notices) output.log(`${file}: ${notice}`);
  await writeText(out, formatTokenFile({ version, rows }), stop);
  const events = rows.length / ROW;
  output.done({ out, version, events, notices }, [`${out}: ${events} rows`]);
}

async function detokenize(action: Action): Promise<void> {
  const { out, output, stop } = action;
  const { version, rows } = await readTokens(needFile(action, 'detokenize'));
  const content = await loadMidiService().detokenize(version, rows);
  await writeWhole([{ path: out, content }], () => !stop.asked);
  output.done({ out, version, events: rows.length / ROW, bytes: content.length }, [out]);
}

async function withModel<T>(
  { flags, stop }: Action,
  work: (session: MidiSession, rows: TokenFile) => Promise<T>,
): Promise<T> {
  const path = flags.required('in');
  const given = await readTokens(path);
  const session = await openModel(loadMidiService(), flags);
  const leave = stop.onAsked(() => session.stop());
  try {
    if (given.version !== session.version) {
      throw inputError(
        'wrong-tokenizer',
        `${path} has tokens of tokenizer ${given.version}, the model is of ${session.version}`,
      );
    }
    const result = await work(session, given);
    if (stop.asked) throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
    return result;
  } finally {
    leave();
    session.close();
  }
}

async function continueRows(action: Action): Promise<void> {
  const { flags, out, output, stop } = action;
  const request = sampling(flags, 64);
  let step = 0;
  const began = performance.now();
  const composed = await withModel(action, (session, { rows }) =>
    session.compose(
      request,
      rows,
      () => {
        step++;
        output.progress({
          stage: 'compose',
          step,
          steps: request.events,
          seconds: (performance.now() - began) / 1000,
        });
      },
      true,
    ),
  );
  const [rows = new Uint32Array()] = composed.variations;
  const { version } = await readTokens(flags.required('in'));
  await writeText(out, formatTokenFile({ version, rows }), stop);
  const { events, seconds, firstEventSeconds, eventsPerSecond } = composed.figures;
  output.done(
    {
      out,
      events,
      seconds,
      first_event_seconds: firstEventSeconds,
      events_per_second: eventsPerSecond,
      seed: request.seed,
    },
    [`${out}: ${events} new events`],
  );
}

async function logits(action: Action): Promise<void> {
  const { out, output, stop } = action;
  const began = performance.now();
  const shapes = await withModel(action, async (session, { rows }) => {
    const events = rows.length / ROW;
    if (events < 1) throw inputError('tokens-invalid', 'there is no event in the tokens');
    const result = await session.logits(rows);
    const hidden = { shape: [events, session.hiddenSize], values: result.hidden };
    const predicted = { shape: [events - 1, ROW, session.vocabSize], values: result.logits };
    const content = encodeFloatTensors({ hidden, logits: predicted });
    await writeWhole([{ path: out, content }], () => !stop.asked);
    return { hidden: hidden.shape, logits: predicted.shape };
  });
  output.done({ out, ...shapes, seconds: (performance.now() - began) / 1000 }, [out]);
}

const runs: Record<string, (action: Action) => Promise<void>> = {
  tokens,
  detokenize,
  continue: continueRows,
  logits,
};

export const midi: Command = {
  name: 'midi',
  summary: 'MIDI files as tokens and back; models at token level',
  usage: [
    'sluice midi tokens FILE.mid --out FILE.json [--tokenizer v1|v2] [--optimise|--no-optimise] [--strict]',
    'sluice midi detokenize FILE.json --out FILE.mid',
    'sluice midi continue --model PATH --in FILE.json --out FILE.json --events N [--top-k N] [--top-p F] [--temperature F] [--seed N]',
    'sluice midi logits --model PATH --in FILE.json --out FILE.safetensors [--weights f32|f16|q8]',
    '--strict gives exactly the tokens of the original implementation, also where it drops music.',
  ].join('\n'),
  options: {
    ...modelOptions,
    ...samplingOptions,
    in: { type: 'string' },
    out: { type: 'string' },
    tokenizer: { type: 'string' },
    optimise: { type: 'boolean' },
    'no-optimise': { type: 'boolean' },
    'keep-small-changes': { type: 'boolean' },
    strict: { type: 'boolean' },
  },
  async run(given, output, stop) {
    const [name = '', file = null, ...more] = given.positionals;
    const run = runs[name];
    if (run === undefined) {
      const found = name === '' ? 'midi needs an action' : `there is no action "${name}"`;
      throw usageError(
        `${found}; there are ${actions.join(', ')}`,
        'See: sluice midi --help',
        'unknown-action',
      );
    }
    const takesFile = name === 'tokens' || name === 'detokenize';
    if (more.length > 0 || (!takesFile && file !== null)) {
      throw usageError(`midi ${name}: "${(takesFile ? more : [file, ...more]).join(' ')}" is too much`);
    }
    const flags = new Flags(given);
    const out = resolve(flags.required('out'));
    await checkOutput(out);
    await run({ flags, file, out, output, stop });
  },
};
