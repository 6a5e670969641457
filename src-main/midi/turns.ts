// One job after another on a model that stays open for a while: a session does one at a time, and opening a model
// costs more than a short piece.
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Midi, MidiSession, ModelChoice } from './index.ts';

const KEEP_MS = 300_000; // an idle model's memory is given back after this

const cancelled = (): SluiceError => new SluiceError(Status.cancelled, 'cancelled', 'stopped by the client');

export class MidiTurns {
  readonly #midi: () => Midi;
  #last: Promise<unknown> = Promise.resolve();
  #open: { key: string; session: MidiSession } | null = null;
  #idle: ReturnType<typeof setTimeout> | null = null;

  // `midi` throws where the addon is not built.
  constructor(midi: () => Midi) {
    this.#midi = midi;
  }

  // Runs `work` when all before it have ended. When `signal` aborts, what waits fails as cancelled at its turn, and
  // what runs is stopped before its next token.
  run<T>(
    choice: ModelChoice,
    signal: AbortSignal,
    work: (session: MidiSession, midi: Midi) => Promise<T>,
  ): Promise<T> {
    const check = (): void => {
      if (signal.aborted) throw cancelled();
    };
    const turn = this.#last.then(async () => {
      check();
      if (this.#idle !== null) clearTimeout(this.#idle);
      const session = await this.#session(choice);
      const stop = (): void => session.stop();
      signal.addEventListener('abort', stop, { once: true });
      try {
        check(); // it may have gone while the model was opened
        return await work(session, this.#midi());
      } finally {
        signal.removeEventListener('abort', stop);
        this.#idle = setTimeout(() => this.#release(), KEEP_MS);
        this.#idle.unref();
      }
    });
    this.#last = turn.catch(() => undefined); // its own caller hears of it
    return turn;
  }

  // When what runs has ended: gives the model's memory back.
  async close(): Promise<void> {
    await this.#last;
    this.#release();
  }

  #release(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#open?.session.close();
    this.#open = null;
  }

  async #session(choice: ModelChoice): Promise<MidiSession> {
    const key = JSON.stringify(choice);
    if (this.#open?.key === key) return this.#open.session;
    this.#release();
    const session = await this.#midi().open(choice);
    this.#open = { key, session };
    return session;
  }
}
