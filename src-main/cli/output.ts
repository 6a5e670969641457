// What the command line prints. With --json standard output carries one JSON object a line and nothing else;
// without, results go to standard output and progress to standard error: a bar on a terminal, plain lines otherwise.
import { format } from 'node:util';
import { type SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Progress } from '../../src-preload/contract/figures.ts';

export interface Streams {
  out: { write(text: string): unknown };
  err: { write(text: string): unknown; isTTY?: boolean; columns?: number };
}

const BAR_WIDTH = 24;

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0)} MiB`;
}

// "sample 3/20  1.52 s a step  26 s left", from when the stage began.
export function progressText(progress: Progress, stageBegan: number): string {
  const { stage, step, steps, seconds } = progress;
  if (steps === 0) return stage;
  const perStep = step > 0 ? (seconds - stageBegan) / step : 0;
  const rate =
    perStep === 0 ? '' : perStep < 0.1 ? `${(1 / perStep).toFixed(1)} a second` : `${duration(perStep)} each`;
  const left = step > 0 && step < steps ? `${duration(perStep * (steps - step))} left` : '';
  return [`${stage} ${step}/${steps}`, rate, left].filter((part) => part !== '').join('  ');
}

export class Output {
  readonly json: boolean;
  readonly #streams: Streams;
  #stage = '';
  #stageBegan = 0;
  #barShown = false;
  #lastLine = '';

  constructor(json: boolean, streams: Streams = { out: process.stdout, err: process.stderr }) {
    this.json = json;
    this.#streams = streams;
  }

  progress(progress: Progress): void {
    if (progress.stage !== this.#stage) {
      this.#stage = progress.stage;
      this.#stageBegan = progress.seconds;
    }
    if (this.json) {
      this.#emit({ event: 'progress', ...progress });
      return;
    }
    const text = progressText(progress, this.#stageBegan);
    if (this.#streams.err.isTTY === true) {
      const done = progress.steps > 0 ? Math.round((BAR_WIDTH * progress.step) / progress.steps) : 0;
      const bar = `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}] ${text}`;
      const { columns = 0 } = this.#streams.err;
      const width = columns > 0 ? columns : 80; // a terminal that nobody gave a size says 0
      this.#streams.err.write(`\r\x1b[2K${bar.slice(0, width - 1)}`);
      this.#barShown = true;
    } else if (text !== this.#lastLine) {
      this.#streams.err.write(`${text}\n`);
    }
    this.#lastLine = text;
  }

  // Something to know that is no result: always on standard error.
  log(...parts: unknown[]): void {
    this.#clearBar();
    this.#streams.err.write(`${format(...parts)}\n`);
  }

  // An event besides progress and the last one; nothing without --json.
  event(event: string, fields: Record<string, unknown>): void {
    if (this.json) this.#emit({ event, ...fields });
  }

  // The result: an object for programs, lines for people.
  done(fields: Record<string, unknown>, lines: readonly string[]): void {
    this.#clearBar();
    if (this.json) this.#emit({ event: 'done', ...fields });
    else for (const line of lines) this.#streams.out.write(`${line}\n`);
  }

  // Returns the exit status.
  failed(error: SluiceError): number {
    this.#clearBar();
    const { status, code, message, hint } = error;
    if (this.json) this.#emit({ event: 'error', code, message, hint });
    else if (status === Status.cancelled) this.#streams.err.write('Stopped.\n');
    else this.#streams.err.write(`error: ${message}${hint === '' ? '' : `\n${hint}`}\n`);
    // What we did not foresee is a fault of ours: say where.
    if (status === Status.internal && error.cause instanceof Error) {
      this.#streams.err.write(`${error.cause.stack ?? ''}\n`);
    }
    return status;
  }

  #emit(value: object): void {
    this.#streams.out.write(`${JSON.stringify(value)}\n`);
  }

  #clearBar(): void {
    if (this.#barShown) this.#streams.err.write('\r\x1b[2K');
    this.#barShown = false;
  }
}
