// A General MIDI sound font played note by note, the same live (in an audio worklet), into a file (in a worker) and in
// tests. Knows frames and strips only; what they mean in music time is said by whoever orders notes. A program is its
// note's: a strip that comes with another one changes it, and what sounds already keeps the one that it began with.
import {
  type BasicSoundBank,
  type MIDIController,
  MIDIControllers,
  SoundBankLoader,
  SpessaLog,
  SpessaSynthProcessor,
} from 'spessasynth_core';

// How a track sounds. Each strip has a channel of the synthesiser to itself, so more tracks than MIDI's 16 do not
// disturb one another.
export interface Strip {
  readonly id: string;
  readonly drums: boolean;
  readonly program: number; // General MIDI's, from 0
  readonly volume: number; // 0 to 127
  readonly pan: number; // 0 to 127, 64 the middle
}

export interface SoundNote {
  readonly strip: Strip;
  readonly pitch: number; // MIDI key
  readonly velocity: number; // 1 to 127
  readonly at: number; // frame
  readonly frames: number; // how long the key is held
}

// What a strip's sound does beside its notes. "rest" takes all earlier changes back.
export type SoundChange = { readonly strip: Strip; readonly at: number } & (
  | { readonly kind: 'bend'; readonly value: number } // 0 to 16383, 8192 is none
  | { readonly kind: 'controller'; readonly number: number; readonly value: number }
  | { readonly kind: 'rest' }
);

type Event = { readonly at: number } & (
  | { readonly type: 'on' | 'off'; readonly note: SoundNote }
  | { readonly type: 'change'; readonly change: SoundChange }
);

interface Channel {
  readonly index: number;
  readonly strip: Strip;
}

const BLOCK = 128; // frames that the synthesiser renders at once, at most
const CHANNELS = 96; // more than a piece has tracks; of each 16 one is for drums, and the last 16 are
const isForDrums = (index: number): boolean => index % 16 === 9 || index >= 80;

// Releases before attacks, so that a key that is struck again at once is heard again; changes between them, so that a
// note begins with what holds at its time. Changes of one time stay in their order.
const rank = { off: 0, change: 1, on: 2 };
const inOrder = (a: Event, b: Event): number => a.at - b.at || rank[a.type] - rank[b.type];

// Registered parameters that changes may set, with what they are at rest: the bend's range in semitones, tunings.
const PARAMETERS: readonly (readonly [number: number, rest: number])[] = [
  [0, 2],
  [1, 64],
  [2, 64],
];

export class FontSynth {
  readonly #synth: SpessaSynthProcessor;
  readonly #bank: BasicSoundBank;
  readonly #channels = new Map<string, Channel>(); // the one that was used longest ago comes first
  readonly #changed = new Set<number>(); // channels that are not at rest
  readonly #stale = new Set<number>(); // of these, whose changes belong to what was silenced
  #events: Event[] = [];
  #sorted = true;
  #frame: number;

  private constructor(synth: SpessaSynthProcessor, bank: BasicSoundBank, frame: number) {
    this.#synth = synth;
    this.#bank = bank;
    this.#frame = frame;
  }

  // `font` holds an SF2 or SF3 file; throws an Error that names the fault of one that is none. Rendering begins at
  // `frame`.
  static async load(font: ArrayBuffer, rate: number, frame = 0): Promise<FontSynth> {
    SpessaLog.setLogLevel(false, false, false);
    const bank = SoundBankLoader.fromArrayBuffer(font);
    const synth = new SpessaSynthProcessor(rate, { maxBufferSize: BLOCK, eventsEnabled: false });
    synth.soundBankManager.addSoundBank(bank, 'font');
    await synth.processorInitialized;
    while (synth.midiChannels.length < CHANNELS) synth.createMIDIChannel();
    synth.reset(); // a new channel has no volume before
    synth.midiChannels.forEach((channel, index) => channel.setDrums(isForDrums(index)));
    return new FontSynth(synth, bank, frame);
  }

  // Notes and changes of the past sound at once.
  order(notes: readonly SoundNote[], changes: readonly SoundChange[] = []): void {
    for (const note of notes) {
      this.#events.push({ at: note.at, type: 'on', note });
      this.#events.push({ at: note.at + Math.max(1, note.frames), type: 'off', note });
    }
    for (const change of changes) this.#events.push({ at: change.at, type: 'change', change });
    this.#sorted = false;
  }

  // Nothing that was ordered begins any more; what sounds is let go as keys are, and rings out as it was bent. What
  // comes next begins at rest.
  silence(): void {
    this.#events = [];
    this.#synth.stopAllChannels(false);
    for (const index of this.#changed) this.#stale.add(index);
  }

  // Decodes what the notes will need, which takes milliseconds a sample: before they are due.
  prepare(notes: readonly Pick<SoundNote, 'strip' | 'pitch' | 'velocity'>[]): void {
    for (const { strip, pitch, velocity } of notes) {
      const patch = { program: strip.program, bankMSB: 0, bankLSB: 0, isGMGSDrum: strip.drums };
      const preset = this.#bank.getPreset(strip.drums ? { ...patch, program: 0 } : patch, 'gs');
      for (const { sample } of preset.getVoiceParameters(pitch, velocity)) sample.getAudioData();
    }
  }

  // Whether anything sounds or will.
  get busy(): boolean {
    return this.#events.length > 0 || this.#synth.voiceCount > 0;
  }

  // The next frames of sound, over what the arrays (of one length) held.
  render(left: Float32Array, right: Float32Array): void {
    left.fill(0);
    right.fill(0);
    if (!this.#sorted) {
      this.#events.sort(inOrder);
      this.#sorted = true;
    }
    let done = 0;
    let past = 0;
    while (done < left.length) {
      for (let event = this.#events[past]; event !== undefined && event.at <= this.#frame;) {
        this.#perform(event);
        event = this.#events[++past];
      }
      const due = this.#events[past]?.at ?? Infinity;
      const frames = Math.min(BLOCK, left.length - done, Math.ceil(due - this.#frame));
      this.#synth.process(left, right, done, frames);
      done += frames;
      this.#frame += frames;
    }
    if (past > 0) this.#events.splice(0, past);
  }

  // Goes on without sound, when there is none to render.
  skip(frames: number): void {
    this.#frame += frames;
  }

  #perform(event: Event): void {
    if (event.type === 'change') {
      this.#change(event.change);
      return;
    }
    const { strip, pitch, velocity } = event.note;
    if (event.type === 'off') {
      // Not `channelFor`: a release must not bring back the program that its note began with.
      const known = this.#channels.get(strip.id);
      if (known !== undefined) this.#synth.noteOff(known.index, pitch);
      return;
    }
    this.#synth.noteOn(this.#channelFor(strip), pitch, velocity);
  }

  #change(change: SoundChange): void {
    const known = this.#channels.get(change.strip.id);
    if (change.kind === 'rest') {
      if (known !== undefined) this.#rest(known);
      return;
    }
    // The program is its notes' affair.
    const program = known?.strip.program ?? change.strip.program;
    const index = this.#channelFor({ ...change.strip, program });
    this.#changed.add(index);
    if (change.kind === 'bend') this.#synth.pitchWheel(index, change.value);
    else this.#synth.controllerChange(index, change.number as MIDIController, change.value);
  }

  #rest({ index, strip }: Channel): void {
    this.#stale.delete(index);
    if (!this.#changed.delete(index)) return;
    const control = (number: MIDIController, value: number): void =>
      this.#synth.controllerChange(index, number, value);
    control(MIDIControllers.resetAllControllers, 0); // bend, modulation, expression
    for (const [number, rest] of PARAMETERS) {
      control(MIDIControllers.registeredParameterMSB, 0);
      control(MIDIControllers.registeredParameterLSB, number);
      control(MIDIControllers.dataEntryMSB, rest);
    }
    control(MIDIControllers.registeredParameterMSB, 127);
    control(MIDIControllers.registeredParameterLSB, 127);
    control(MIDIControllers.reverbDepth, 0);
    control(MIDIControllers.chorusDepth, 0);
    control(MIDIControllers.mainVolume, strip.volume);
    control(MIDIControllers.pan, strip.pan);
  }

  #channelFor(strip: Strip): number {
    const known = this.#channels.get(strip.id);
    const same = known?.strip.drums === strip.drums ? known : undefined;
    const index = same?.index ?? this.#freeChannel(strip.drums);
    this.#channels.delete(strip.id);
    this.#channels.set(strip.id, { index, strip });
    if (same === undefined || this.#stale.has(index)) this.#rest({ index, strip });
    const before = same?.strip;
    if (before?.program !== strip.program) this.#synth.programChange(index, strip.drums ? 0 : strip.program);
    if (before?.volume !== strip.volume)
      this.#synth.controllerChange(index, MIDIControllers.mainVolume, strip.volume);
    if (before?.pan !== strip.pan) this.#synth.controllerChange(index, MIDIControllers.pan, strip.pan);
    return index;
  }

  // One that no strip has, or the one whose strip was heard longest ago.
  #freeChannel(drums: boolean): number {
    const taken = new Set([...this.#channels.values()].map(({ index }) => index));
    for (let index = 0; index < CHANNELS; index++) {
      if (isForDrums(index) === drums && !taken.has(index)) return index;
    }
    for (const [id, { index }] of this.#channels) {
      if (isForDrums(index) !== drums) continue;
      this.#channels.delete(id);
      return index;
    }
    throw new Error('the synthesiser has no channel for this strip');
  }
}
