// A log on disk that never grows beyond its bounds and never stops anybody: when the disk is full, lines are dropped
// and counted, and the count is written once there is room again.
import { mkdir, open, type FileHandle, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface LogOptions {
  maxBytes: number; // of one file; the older ones are FILE.1, FILE.2 …
  files: number; // in all
  retryMs: number; // after a failed write
}

const defaults: LogOptions = { maxBytes: 1 << 20, files: 3, retryMs: 5000 };
const MAX_WAITING_CHARS = 1 << 18;
const TAIL_LINES = 200;

export class LogFile {
  readonly path: string;
  readonly #options: LogOptions;
  readonly #secrets = new Set<string>();
  #tail: string[] = [];
  #waiting: string[] = [];
  #waitingChars = 0;
  #dropped = 0;
  #bytes = 0;
  #file: FileHandle | null = null;
  #writing: Promise<void> | null = null;
  #notBefore = 0;
  #closed = false;

  constructor(path: string, options: Partial<LogOptions> = {}) {
    this.path = path;
    this.#options = { ...defaults, ...options };
  }

  // What must never reach the disk: written as [secret].
  hide(secret: string): void {
    this.#secrets.add(secret);
  }

  // The last lines, also those that the disk did not take.
  get tail(): readonly string[] {
    return this.#tail;
  }

  get dropped(): number {
    return this.#dropped;
  }

  line(text: string): void {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '[secret]');
    this.#tail.push(clean);
    if (this.#tail.length > TAIL_LINES) this.#tail = this.#tail.slice(-TAIL_LINES);
    if (this.#closed) return;
    if (this.#waitingChars > MAX_WAITING_CHARS) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(clean);
    this.#waitingChars += clean.length;
    this.#drain();
  }

  // Everything that was written so far is on its way to the disk, or dropped.
  async settled(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
    await this.#file?.close().catch(() => undefined);
    this.#file = null;
  }

  #drain(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
      if (this.#waiting.length > 0) this.#drain();
    });
  }

  async #write(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingChars = 0;
    if (Date.now() < this.#notBefore) {
      this.#dropped += lines.length;
      return;
    }
    try {
      const told =
        this.#dropped > 0 ? [`(${this.#dropped} lines were dropped: the log could not be written)`] : [];
      const text = `${[...told, ...lines].join('\n')}\n`;
      const file = await this.#opened();
      await file.appendFile(text);
      this.#dropped = 0;
      this.#bytes += Buffer.byteLength(text);
      if (this.#bytes > this.#options.maxBytes) await this.#rotate();
    } catch {
      this.#dropped += lines.length;
      this.#notBefore = Date.now() + this.#options.retryMs;
      await this.#file?.close().catch(() => undefined);
      this.#file = null;
    }
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== null) return this.#file;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    this.#file = await open(this.path, 'a', 0o600);
    this.#bytes = (await stat(this.path)).size;
    return this.#file;
  }

  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    const nameOf = (index: number): string => (index === 0 ? this.path : `${this.path}.${index}`);
    await rm(nameOf(this.#options.files - 1), { force: true });
    for (let index = this.#options.files - 2; index >= 0; index--) {
      await rename(nameOf(index), nameOf(index + 1)).catch(() => undefined); // not there yet
    }
  }
}
