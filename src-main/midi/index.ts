// Composing for the rest of the main process: typed calls over the addon's MIDI functions, errors as SluiceError.
// Reads and writes no file; what a flag or a request means is decided above.
import type {
  ComposeFigures,
  ComposeRequest,
  TokenizerVersion,
  Tokenizing,
  WeightKind,
} from '../../src-preload/contract/midi.ts';
import { calling, loadMidi, type NativeMidi, type NativeMidiSession } from './native.ts';

export interface Tokens {
  rows: Uint32Array; // 8 tokens each, bos and eos rows among them
  notices: string[]; // what was left out or bent
}

export interface ModelChoice {
  path: string;
  weights: WeightKind | null; // null: the fastest
  config: string | null; // a published configuration's name, for weights without config.json
  lora: string | null;
  threads: number; // 0: all
}

export interface Composed {
  variations: Uint32Array[]; // rows, the prompt's first
  figures: ComposeFigures;
}

const versionNumber = (version: TokenizerVersion): number => (version === 'v1' ? 1 : 2);

export class Midi {
  readonly #addon: NativeMidi;

  // `addonPath` is the built sluice.node.
  constructor(addonPath: string) {
    this.#addon = loadMidi(addonPath);
  }

  async tokenize(file: Uint8Array, how: Tokenizing): Promise<Tokens> {
    const options = { ...how, version: versionNumber(how.version) };
    const { rows, notices } = await calling(() => this.#addon.midiEncode(file, options));
    return { rows, notices: notices.split('\n').filter((line) => line !== '') };
  }

  detokenize(version: TokenizerVersion, rows: Uint32Array): Promise<Uint8Array> {
    return calling(() => this.#addon.midiDecode({ version: versionNumber(version), rows }));
  }

  // Loads a model; the session holds its memory until it is closed.
  async open(choice: ModelChoice): Promise<MidiSession> {
    return new MidiSession(await calling(() => this.#addon.midiOpen(choice)));
  }
}

export class MidiSession {
  readonly #session: NativeMidiSession;
  readonly version: TokenizerVersion;
  readonly optimiseMidi: boolean;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly weightBytes: number;

  constructor(session: NativeMidiSession) {
    this.#session = session;
    const { version, ...info } = session.info();
    this.version = version === 1 ? 'v1' : 'v2';
    this.optimiseMidi = info.optimiseMidi;
    this.vocabSize = info.vocabSize;
    this.hiddenSize = info.hiddenSize;
    this.weightBytes = info.weightBytes;
  }

  // Adds events behind `seedRows` (none: a new piece); `onEvent` takes each as it is there. With `exact` the seed is
  // the prompt as it stands, an eos row and all; otherwise instruments and signatures are said behind it.
  async compose(
    request: ComposeRequest,
    seedRows: Uint32Array,
    onEvent: (variation: number, row: Uint32Array) => void,
    exact = false,
  ): Promise<Composed> {
    const { channels, instruments, ...rest } = request;
    const job = {
      ...rest,
      seedRows,
      exactRows: exact,
      instruments: Uint8Array.from(instruments),
      noChannels: channels === null ? 0 : channels.reduce((bits, c) => bits & ~(1 << c), 0xffff),
    };
    const done = await calling(() => this.#session.compose(job, onEvent));
    const { variations, ...measured } = done;
    // Variations come together: the first step's events are all there at the first event's time.
    const later = measured.events - variations.length;
    const time = measured.seconds - measured.firstEventSeconds;
    const rate = later > 0 && time > 0 ? later / time : measured.events / Math.max(measured.seconds, 1e-9);
    return { variations, figures: { ...measured, eventsPerSecond: rate } };
  }

  // Teacher-forced: `hidden` [rows, hiddenSize] and `logits` [rows - 1, 8, vocabSize].
  logits(rows: Uint32Array): Promise<{ hidden: Float32Array; logits: Float32Array }> {
    return calling(() => this.#session.logits(rows));
  }

  // Ends the running job before its next token: it fails as cancelled, or, with `keep`, succeeds with what is there.
  stop(keep = false): void {
    this.#session.stop(keep);
  }

  close(): void {
    this.#session.close();
  }
}
