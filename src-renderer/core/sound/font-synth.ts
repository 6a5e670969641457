// A General MIDI sound font played note by note, the same live (in an audio worklet), into a file (in a worker) and in
// tests. Knows frames and strips only; what they mean in music time is said by whoever orders notes.
import {
  type BasicSoundBank,
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

interface Event {
  readonly at: number;
  readonly on: boolean;
  readonly note: SoundNote;
}

interface Channel {
  readonly index: number;
  readonly strip: Strip;
}

const BLOCK = 128; // frames that the synthesiser renders at once, at most
const CHANNELS = 96; // more than a piece has tracks; of each 16 one is for drums, and the last 16 are
const isForDrums = (index: number): boolean => index % 16 === 9 || index >= 80;

// Releases before attacks, so that a key that is struck again at once is heard again.
const inOrder = (a: Event, b: Event): number => a.at - b.at || Number(a.on) - Number(b.on);

export class FontSynth {
  readonly #synth: SpessaSynthProcessor;
  readonly #bank: BasicSoundBank;
  readonly #channels = new Map<string, Channel>(); // the one that was used longest ago comes first
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

  // Notes of the past sound at once.
  order(notes: readonly SoundNote[]): void {
    for (const note of notes) {
      this.#events.push({ at: note.at, on: true, note });
      this.#events.push({ at: note.at + Math.max(1, note.frames), on: false, note });
    }
    this.#sorted = false;
  }

  // Nothing that was ordered begins any more; what sounds is let go as keys are.
  silence(): void {
    this.#events = [];
    this.#synth.stopAllChannels(false);
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

  #perform({ on, note: { strip, pitch, velocity } }: Event): void {
    const channel = this.#channelFor(strip);
    if (on) this.#synth.noteOn(channel, pitch, velocity);
    else this.#synth.noteOff(channel, pitch);
  }

  #channelFor(strip: Strip): number {
    const known = this.#channels.get(strip.id);
    const same = known?.strip.drums === strip.drums ? known : undefined;
    const index = same?.index ?? this.#freeChannel(strip.drums);
    this.#channels.delete(strip.id);
    this.#channels.set(strip.id, { index, strip });
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
