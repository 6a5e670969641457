// One llama-server process from its start to its end: finds its port in what it prints, and asks for its health.
// Not here: when to start another (states.ts, supervisor.ts).
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { serverEnvironment } from './arguments.ts';
import { call, type Endpoint } from './http.ts';
import { type Exit, type Guard, launch, type Launched } from './launch.ts';

export interface ProcessOptions {
  binary: string;
  args: readonly string[];
  onLine: (text: string) => void;
  guard?: Guard;
}

const listening = /listening on https?:\/\/[^:\s]+:(\d+)/;

export class ServerProcess {
  readonly key = randomBytes(24).toString('base64url');
  readonly exited: Promise<Exit>;
  readonly #launched: Launched;
  readonly #tail: string[] = [];
  #port = 0;
  #gone = false;

  constructor({ binary, args, onLine, guard }: ProcessOptions) {
    const take = (text: string): void => {
      this.#tail.push(text);
      if (this.#tail.length > 60) this.#tail.shift();
      const found = listening.exec(text)?.[1];
      if (found !== undefined) this.#port = Number(found);
      onLine(text);
    };
    this.#launched = launch(binary, args, serverEnvironment(process.env, this.key), take, guard);
    this.exited = this.#launched.exited.then((exit) => {
      this.#gone = true;
      return exit;
    });
  }

  get pid(): number {
    return this.#launched.pid;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get tail(): readonly string[] {
    return this.#tail;
  }

  get port(): number {
    return this.#port;
  }

  get endpoint(): Endpoint {
    return { url: `http://127.0.0.1:${this.#port}`, key: this.key };
  }

  // Whether it answers that its model is loaded, within the time.
  async isHealthy(timeoutMs: number): Promise<boolean> {
    if (this.#port === 0 || this.#gone) return false;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { status } = await call(this.endpoint, { method: 'GET', path: '/health', signal });
      return status === 200;
    } catch {
      return false;
    }
  }

  // Waits until it is healthy; false when it ends or `signal` gives up before.
  async untilHealthy(signal: AbortSignal): Promise<boolean> {
    while (!this.#gone && !signal.aborted) {
      if (await this.isHealthy(1000)) return true;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 10)), this.exited]);
    }
    return false;
  }

  // Bytes of mapped files in its memory: while a model is loaded, its weights come in by pages. Null where the
  // system does not tell.
  async mappedBytes(): Promise<number | null> {
    try {
      const text = await readFile(`/proc/${this.pid}/status`, 'utf8');
      const found = /^RssFile:\s+(\d+) kB$/m.exec(text)?.[1];
      return found === undefined ? null : Number(found) * 1024;
    } catch {
      return null;
    }
  }

  terminate(): void {
    if (!this.#gone) this.#launched.terminate();
  }

  kill(): void {
    if (!this.#gone) this.#launched.kill();
  }
}
