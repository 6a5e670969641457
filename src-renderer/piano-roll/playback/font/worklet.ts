// The sound font's part in the audio thread: renders what was ordered, at the context's frames.
import { FontSynth } from '../../../core/sound/font-synth.ts';
import { type FromWorklet, messageOf, type ToWorklet } from '../../../core/sound/messages.ts';

// The audio worklet's globals, of which the DOM's types know nothing.
declare const currentFrame: number;
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const ECHO = 4; // seconds that the room goes on sounding

class FontProcessor extends AudioWorkletProcessor {
  #synth: FontSynth | null = null;
  #loudUntil = 0; // frame

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToWorklet>) => {
      this.#take(data).catch((error: unknown) => this.#tell({ kind: 'failed', message: messageOf(error) }));
    };
  }

  #tell(message: FromWorklet): void {
    this.port.postMessage(message);
  }

  async #take(message: ToWorklet): Promise<void> {
    if (message.kind === 'font') {
      const synth = await FontSynth.load(message.font, sampleRate);
      synth.skip(currentFrame);
      this.#synth = synth;
      this.#tell({ kind: 'ready' });
    } else if (message.kind === 'prepare') {
      this.#synth?.prepare(message.notes);
      this.#tell({ kind: 'prepared', id: message.id });
    } else if (message.kind === 'notes') this.#synth?.order(message.notes);
    else if (message.kind === 'changes') this.#synth?.order([], message.changes);
    else this.#synth?.silence();
  }

  process(_: readonly Float32Array[][], outputs: readonly Float32Array[][]): boolean {
    const [left, right] = outputs[0] ?? [];
    const synth = this.#synth;
    if (synth === null || left === undefined || right === undefined) return true;
    if (synth.busy) this.#loudUntil = currentFrame + ECHO * sampleRate;
    if (currentFrame < this.#loudUntil) synth.render(left, right);
    else synth.skip(left.length);
    return true;
  }
}

registerProcessor('sound-font', FontProcessor);
