// The window's orders to the composer: opens the model, tokenises the seed, and hands on music as it grows. One run at
// a time, and a new one ends the one before; its work is on the addon's threads. The model stays open for a while, so
// that the next run begins at once.
import type { Composed as Result, ComposeOptions, ComposeOrder } from '../../src-preload/contract/compose.ts';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Yielding } from '../../src-preload/contract/memory.ts';
import { type ComposeRequest, ROW } from '../../src-preload/contract/midi.ts';
import type { Midi, MidiSession } from './index.ts';
import type { FoundMidiModel } from './models.ts';

export interface ComposerOptions {
  midi(): Midi; // throws where the addon is not built
  models(): readonly FoundMidiModel[];
  folder: string; // where the user's models lie, for what is told
  threads: number;
  onLoaded(): void; // another model has memory now, or none has
  onBegun(told: { id: string; seed: Uint8Array<ArrayBuffer> | null; notices: string[] }): void;
  onGrown(told: { id: string; variation: number; events: number; music: Uint8Array<ArrayBuffer> }): void;
}

const EVERY_MS = 120; // between two tellings of what has grown
const KEEP_MS = 300_000; // an idle model's memory is given back after this

interface Run {
  readonly id: string;
  stopped: 'keep' | 'drop' | null;
  session: MidiSession | null;
  ended: Promise<unknown>;
}

const bytesOf = (file: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(file);

export class Composer {
  readonly #options: ComposerOptions;
  #open: { path: string; session: MidiSession } | null = null;
  #idle: ReturnType<typeof setTimeout> | null = null;
  #run: Run | null = null;

  constructor(options: ComposerOptions) {
    this.#options = options;
  }

  options(): ComposeOptions {
    const models = this.#options
      .models()
      .map(({ name, source }) => ({ name, embedded: source === 'embedded' }));
    return { models, folder: this.#options.folder };
  }

  async start(order: ComposeOrder): Promise<Result> {
    const before = this.#run;
    const run: Run = { id: order.id, stopped: null, session: null, ended: Promise.resolve() };
    if (before !== null) this.stop(before.id, false);
    this.#run = run;
    const work = (async () => {
      await before?.ended.catch(() => undefined); // its own order hears of it
      return this.#compose(order, run);
    })();
    run.ended = work;
    try {
      return await work;
    } finally {
      if (this.#run === run) {
        this.#run = null;
        this.#rest();
      }
    }
  }

  // What a run with this model would unload, were it begun now: one model is open at a time.
  givesWay(wanted: string | null): Yielding[] {
    const models = this.#options.models();
    const found = this.#find(wanted, models);
    const open = this.#open;
    if (open === null || found === undefined || open.path === found.path) return [];
    const model = models.find(({ path }) => path === open.path)?.name ?? null;
    return [{ kind: 'midi', model, bytes: null, device: null }];
  }

  // Of a run that has ended: nothing.
  stop(id: string, keep: boolean): void {
    if (this.#run?.id !== id) return;
    this.#run.stopped = keep ? 'keep' : 'drop';
    this.#run.session?.stop(keep);
  }

  close(): void {
    if (this.#run !== null) this.stop(this.#run.id, false);
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#unload();
  }

  async #session(wanted: string | null): Promise<MidiSession> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    const models = this.#options.models();
    const found = this.#find(wanted, models);
    if (found === undefined) {
      const what = wanted === null ? 'no MIDI model is installed' : `there is no MIDI model "${wanted}"`;
      const hint = `Put a folder of SkyTNT's midi-model (config.json and model.safetensors) into ${this.#options.folder}.`;
      throw new SluiceError(Status.input, 'no-midi-model', what, hint);
    }
    if (this.#open?.path === found.path) return this.#open.session;
    this.#unload();
    const { threads } = this.#options;
    const choice = { path: found.path, weights: null, config: null, lora: null, threads };
    const session = await this.#options.midi().open(choice);
    this.#open = { path: found.path, session };
    this.#options.onLoaded();
    return session;
  }

  #find(wanted: string | null, models: readonly FoundMidiModel[]): FoundMidiModel | undefined {
    return wanted === null ? models[0] : models.find(({ name }) => name === wanted);
  }

  #unload(): void {
    if (this.#open === null) return;
    this.#open.session.close();
    this.#open = null;
    this.#options.onLoaded();
  }

  #rest(): void {
    this.#idle = setTimeout(() => this.#unload(), KEEP_MS);
    this.#idle.unref();
  }

  async #compose(order: ComposeOrder, run: Run): Promise<Result> {
    const { id, model, music, ...rest } = order;
    const request: ComposeRequest = rest;
    const session = await this.#session(model);
    const midi = this.#options.midi();
    const { rows: seed, notices } = music === null ? nothingRead : await readSeed(midi, session, music);
    const file = async (rows: Uint32Array): Promise<Uint8Array<ArrayBuffer>> =>
      bytesOf(await midi.detokenize(session.version, rows));
    this.#options.onBegun({ id, seed: music === null ? null : await file(seed), notices });
    // What instruments and signatures were said is in the result only; asked for before, it can be shown meanwhile.
    const prompt = music === null ? await promptOf(session, request) : seed;
    if (run.stopped !== null) throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
    run.session = session;

    const grown = Array.from({ length: request.count }, () => ({ rows: [...prompt], told: prompt.length }));
    let telling: Promise<void> = Promise.resolve();
    const tell = async (): Promise<void> => {
      for (const [variation, piece] of grown.entries()) {
        if (piece.told === piece.rows.length) continue;
        piece.told = piece.rows.length;
        const music = await file(Uint32Array.from(piece.rows));
        this.#options.onGrown({ id, variation, events: (piece.told - prompt.length) / ROW, music });
      }
    };
    const timer = setInterval(() => {
      telling = telling.then(tell);
    }, EVERY_MS);
    try {
      const done = await session.compose(request, seed, (variation, row) => {
        grown[variation]?.rows.push(...row);
      });
      clearInterval(timer);
      await telling;
      const variations = await Promise.all(
        done.variations.map(async (rows, variation) => ({
          variation,
          events: Math.max(0, (rows.length - prompt.length) / ROW),
          music: await file(rows),
        })),
      );
      const { events, seconds, eventsPerSecond } = done.figures;
      return { variations, events, seconds, eventsPerSecond };
    } finally {
      clearInterval(timer);
      await telling.catch(() => undefined); // what failed is told by what failed first
    }
  }
}

const nothingRead = { rows: new Uint32Array(), notices: [] };

// The window numbers tracks and channels as the tokenizer would, and names instruments that have no notes yet.
async function readSeed(
  midi: Midi,
  session: MidiSession,
  music: Uint8Array,
): Promise<{ rows: Uint32Array; notices: string[] }> {
  const { rows, notices } = await midi.tokenize(music, {
    version: session.version,
    remap: true,
    defaultInstruments: true,
    removeEmptyChannels: false,
    keepSmallChanges: false,
    strict: false,
  });
  return { rows: rows.slice(0, rows.length - ROW), notices }; // without eos
}

async function promptOf(session: MidiSession, request: ComposeRequest): Promise<Uint32Array> {
  const { variations } = await session.compose(
    { ...request, count: 1, events: 0 },
    new Uint32Array(),
    () => undefined,
  );
  return variations[0] ?? new Uint32Array();
}
