// The sound font as voices of a Tone context: notes go to the audio thread with their frames.
import * as Tone from 'tone';
import { trackAt } from '../../../core/music/controls.ts';
import type { Control, MusicDocument, Track } from '../../../core/music/model.ts';
import type { SoundNote, Strip } from '../../../core/sound/font-synth.ts';
import type { FromWorklet, ToWorklet } from '../../../core/sound/messages.ts';
import { changeOf, stripOf } from '../../../core/sound/orders.ts';
import type { SoundSource } from '../sound.ts';
import { soundFont } from './font.ts';
import workletUrl from './worklet.ts?worker&url';

// General MIDI's wood blocks, high and low.
const CLICK: Strip = { id: 'metronome', drums: true, program: 0, volume: 110, pan: 64 };

export class FontVoices implements SoundSource {
  readonly #node: AudioWorkletNode;
  readonly #rate: number;
  #waiting = new Map<number, () => void>();
  #asked = 0;

  private constructor(node: AudioWorkletNode, rate: number) {
    this.#node = node;
    this.#rate = rate;
  }

  // Works in the current context, which has to be the browser's own; throws an Error that says why it does not.
  static async open(): Promise<FontVoices> {
    const context = Tone.getContext();
    const font = await soundFont();
    await context.addAudioWorkletModule(workletUrl);
    const node = context.createAudioWorkletNode('sound-font', {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    const limiter = new Tone.Limiter(-1).toDestination();
    Tone.connect(node, limiter);
    const voices = new FontVoices(node, context.sampleRate);
    await new Promise<void>((resolve, reject) => {
      node.onprocessorerror = () => reject(new Error('the audio thread refused it'));
      node.port.onmessage = ({ data }: MessageEvent<FromWorklet>) => {
        if (data.kind === 'ready') resolve();
        else if (data.kind === 'failed') reject(new Error(data.message));
        else {
          voices.#waiting.get(data.id)?.();
          voices.#waiting.delete(data.id);
        }
      };
      voices.#tell({ kind: 'font', font }, [font]);
    });
    return voices;
  }

  #tell(message: ToWorklet, transfer: Transferable[] = []): void {
    this.#node.port.postMessage(message, transfer);
  }

  #note(strip: Strip, pitch: number, velocity: number, seconds: number, at: number): SoundNote {
    const frames = Math.max(1, Math.round(seconds * this.#rate));
    return { strip, pitch, velocity, frames, at: Math.round(at * this.#rate) };
  }

  play(track: Track, pitch: number, velocity: number, seconds: number, at: number): void {
    this.#tell({ kind: 'notes', notes: [this.#note(stripOf(track), pitch, velocity, seconds, at)] });
  }

  change(track: Track, controls: readonly Control[], at: number): void {
    if (controls.length === 0) return;
    const strip = stripOf(track);
    const frame = Math.round(at * this.#rate);
    this.#tell({ kind: 'changes', changes: controls.map((control) => changeOf(strip, control, frame)) });
  }

  begin(track: Track, controls: readonly Control[], at: number): void {
    this.#tell({
      kind: 'changes',
      changes: [{ kind: 'rest', strip: stripOf(track), at: Math.round(at * this.#rate) }],
    });
    this.change(track, controls, at);
  }

  click(at: number, strong: boolean): void {
    const note = this.#note(CLICK, strong ? 76 : 77, strong ? 115 : 80, 0.05, at);
    this.#tell({ kind: 'notes', notes: [note] });
  }

  // Decodes what the music needs, before it is due. Each kind of note is asked for once.
  prepare({ tracks }: MusicDocument): Promise<void> {
    const wanted = new Map<string, SoundNote>();
    for (const track of tracks) {
      for (const { tick, pitch, velocity } of track.notes) {
        const strip = stripOf(trackAt(track, tick));
        const kind = `${strip.drums ? 'drums' : strip.program} ${pitch} ${velocity}`;
        if (!wanted.has(kind)) wanted.set(kind, this.#note(strip, pitch, velocity, 0, 0));
      }
    }
    const id = ++this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#tell({ kind: 'prepare', id, notes: [...wanted.values()] });
    });
  }

  silence(): void {
    this.#tell({ kind: 'silence' });
  }
}
