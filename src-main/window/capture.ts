// "--screenshot FILE": runs the example, keeps a picture of the window, and ends. For machines without a screen.
import { resolve } from 'node:path';
import type { BrowserWindow } from 'electron';
import type { PaintJob } from '../../src-preload/contract/painting.ts';
import { writeWhole } from '../library/files.ts';

export function screenshotPath(args: readonly string[]): string | null {
  const given = args.find((argument) => argument.startsWith('--screenshot='));
  return given === undefined ? null : resolve(given.slice('--screenshot='.length));
}

// A result is drawn within some frames of its job's end; a second is plenty on a slow machine without a GPU.
const SETTLE_MS = 1500;

export class Screenshot {
  readonly #path: string;
  readonly #window: BrowserWindow;
  readonly #finish: (status: number) => void;
  #taken = false;

  constructor(path: string, window: BrowserWindow, finish: (status: number) => void) {
    this.#path = path;
    this.#window = window;
    this.#finish = finish;
  }

  // Hears of every change of a job; the first one that ends decides.
  jobChanged({ state, failure }: PaintJob): void {
    if (state === 'failed' || state === 'cancelled') {
      console.error(`The example failed: ${failure?.message ?? state}`);
      this.#finish(1);
    }
    if (state !== 'done' || this.#taken) return;
    this.#taken = true;
    setTimeout(() => void this.#take(), SETTLE_MS);
  }

  async #take(): Promise<void> {
    try {
      const image = await this.#window.webContents.capturePage();
      await writeWhole([{ path: this.#path, content: image.toPNG() }]);
      console.log(`The studio's window is shown in ${this.#path}`);
      this.#finish(0);
    } catch (error) {
      console.error(`The screenshot ${this.#path} could not be written:`, error);
      this.#finish(1);
    }
  }
}
