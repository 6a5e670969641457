// Downloads of model files that survive pauses, restarts and lost connections. What has come lies beside the target as
// NAME.part and is gone on with by a range request, tied to the same content by the server's own tag. A file appears
// under its name only when it is whole and its SHA-256 is the wanted one. Nothing here begins by itself.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { open, rename, rm, statfs } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import { asSluiceError, SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { download, type Download, type DownloadOrder } from '../../src-preload/contract/models.ts';
import { SettingsFile } from '../library/settings.ts';

export const modelEndings = ['.safetensors', '.ckpt', '.gguf', '.pt', '.pth', '.bin'];

const kept = download.extend({ tag: z.string().nullable() }); // ETag or date that a range is asked for by
type Kept = z.infer<typeof kept>;

const input = (code: string, message: string, hint = ''): SluiceError =>
  new SluiceError(Status.input, code, message, hint);

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host.startsWith('127.');

// The file's name as the address gives it. Throws for an address that cannot be one of a model.
export function fileNameOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw input('bad-address', `"${url}" is no address`, 'It begins with https://.');
  }
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && isLoopback(parsed.hostname)))
    throw input(
      'bad-address',
      `${parsed.protocol}// is not fetched, only https://`,
      'What came unencrypted could be anything.',
    );
  if (parsed.username !== '' || parsed.password !== '')
    throw input(
      'bad-address',
      'the address holds a name or a password',
      'Leave them out: addresses are kept.',
    );
  let name: string;
  try {
    name = basename(decodeURIComponent(parsed.pathname));
  } catch {
    name = '';
  }
  const plain = name.replace(/[^\p{L}\p{N} ._()+-]/gu, '_').replace(/^\.+/, '');
  if (!modelEndings.includes(extname(plain).toLowerCase()))
    throw input(
      'bad-address',
      `"${name}" is no model file`,
      `Names of models end with ${modelEndings.join(', ')}.`,
    );
  return plain;
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { signal, highWaterMark: 1 << 20 }))
    hash.update(piece as Buffer);
  return hash.digest('hex');
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

// "bytes 100-199/200"
function rangeOf(header: string | null): { from: number; total: number | null } | null {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '');
  if (found === null) return null;
  return { from: Number(found[1]), total: found[2] === '*' ? null : Number(found[2]) };
}

const TELL_MS = 250;
const RESERVE = 256 * 2 ** 20; // disk space that is left to the system

export interface DownloadsSetup {
  folder: string; // where models go
  list: string; // a settings file
  changed(download: Download): void;
}

export class Downloads {
  readonly #setup: DownloadsSetup;
  readonly #file: SettingsFile<Kept[]>;
  readonly #running = new Map<string, { cancel: AbortController; ended: Promise<void> }>();
  readonly #list: Kept[];
  #writing: Promise<void> = Promise.resolve();

  constructor(setup: DownloadsSetup) {
    this.#setup = setup;
    this.#file = new SettingsFile(setup.list, z.array(kept), []);
    // What ran when the studio ended goes on when somebody asks, from where it was.
    this.#list = this.#file.value.map((each) => {
      const received = each.state === 'done' ? each.received : sizeOf(this.#part(each.name));
      const state = each.state === 'running' || each.state === 'checking' ? 'paused' : each.state;
      return { ...each, received, state };
    });
  }

  list(): Download[] {
    return this.#list.map((each) => download.parse(each));
  }

  // Files that were downloaded whole: the only ones that the studio may delete.
  files(): string[] {
    return this.#list
      .filter(({ state }) => state === 'done')
      .map(({ name }) => join(this.#setup.folder, name));
  }

  start({ url, sha256 }: DownloadOrder): string {
    const name = fileNameOf(url);
    if (existsSync(join(this.#setup.folder, name)))
      throw input(
        'model-exists',
        `${join(this.#setup.folder, name)} is there already`,
        'It is not written over.',
      );
    if (this.#list.some((other) => other.name === name && other.state !== 'done'))
      throw input('model-exists', `${name} is being downloaded already`);
    const id = randomUUID();
    this.#list.push({
      id,
      url,
      name,
      state: 'paused',
      received: 0,
      total: null,
      sha256,
      failure: null,
      tag: null,
    });
    this.resume(id);
    return id;
  }

  resume(id: string): void {
    const { state } = this.#get(id);
    if (state !== 'paused' && state !== 'failed') return;
    const cancel = new AbortController();
    const ended = this.#fetch(id, cancel.signal)
      .catch((error: unknown) => {
        if (cancel.signal.aborted) this.#change(id, { state: 'paused' });
        else this.#change(id, { state: 'failed', failure: this.#explain(error).toFailure() });
      })
      .finally(() => this.#running.delete(id));
    this.#running.set(id, { cancel, ended });
  }

  async pause(id: string): Promise<void> {
    const running = this.#running.get(id);
    running?.cancel.abort();
    await running?.ended;
    await this.#writing;
  }

  // A whole file stays; what had come of another is deleted.
  async forget(id: string): Promise<void> {
    const { name, state } = this.#get(id);
    await this.pause(id);
    if (state !== 'done') await rm(this.#part(name), { force: true });
    this.#list.splice(
      this.#list.findIndex((each) => each.id === id),
      1,
    );
    await this.#write();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.pause(id)));
    await this.#writing;
  }

  #part(name: string): string {
    return join(this.#setup.folder, `${name}.part`);
  }

  #get(id: string): Kept {
    const found = this.#list.find((each) => each.id === id);
    if (found === undefined) throw input('unknown-download', `there is no download ${id}`);
    return found;
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#file.set([...this.#list]));
    return this.#writing;
  }

  #change(id: string, changes: Partial<Kept>, keep = true): void {
    const each = this.#list.find((other) => other.id === id);
    if (each === undefined) return;
    Object.assign(each, changes);
    this.#setup.changed(download.parse(each));
    if (keep) void this.#write().catch(() => undefined); // a full disk fails the download itself first
  }

  #explain(error: unknown): SluiceError {
    if (error instanceof SluiceError) return error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOSPC')
      return input('disk-full', 'the disk is full', 'Free some space and go on; nothing is lost.');
    const { message } = asSluiceError(error);
    const lost = `the connection was lost: ${cause === '' ? message : cause}`;
    return input('download-failed', lost, 'Go on when the network is back; what has come is kept.');
  }

  async #fetch(id: string, signal: AbortSignal): Promise<void> {
    const { name, url, tag } = this.#get(id);
    mkdirSync(this.#setup.folder, { recursive: true });
    const part = this.#part(name);
    let have = tag === null ? 0 : sizeOf(part); // without a tag nothing says that the rest would fit
    this.#change(id, { state: 'running', failure: null, received: have });
    const range = have > 0 && tag !== null ? { range: `bytes=${have}-`, 'if-range': tag } : {};
    // Ranges count stored bytes: no compression on the way.
    const answer = await fetch(url, { signal, headers: { 'accept-encoding': 'identity', ...range } });
    const { status, headers, body } = answer;
    const found = status === 206 ? rangeOf(headers.get('content-range')) : null;
    const complete = status === 416 && this.#get(id).total === have;
    if (!complete) {
      if ((status !== 200 && (status !== 206 || found?.from !== have)) || body === null) {
        await body?.cancel();
        throw input(
          'download-refused',
          `${new URL(url).host} answered with status ${status}`,
          'Is the address right?',
        );
      }
      if (status === 200) have = 0; // changed meanwhile, or the server knows no ranges
      const length = Number(headers.get('content-length') ?? Number.NaN);
      const total = found?.total ?? (Number.isFinite(length) ? have + length : null);
      this.#change(id, { total, received: have, tag: headers.get('etag') ?? headers.get('last-modified') });
      await this.#checkRoom((total ?? 0) - have);
      await this.#receive(id, body, part, have, signal);
    }
    await this.#finish(id, part, signal);
  }

  async #checkRoom(wanted: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#setup.folder);
    const free = bavail * bsize - RESERVE;
    if (wanted <= free) return;
    const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    const text = `${mebibytes(wanted)} are to come and ${mebibytes(Math.max(0, free))} are free in ${this.#setup.folder}`;
    throw input('disk-full', text, 'Free some space and go on.');
  }

  async #receive(
    id: string,
    body: ReadableStream<Uint8Array>,
    part: string,
    have: number,
    signal: AbortSignal,
  ): Promise<void> {
    const file = await open(part, have === 0 ? 'w' : 'r+');
    let received = have;
    const telling = setInterval(() => this.#change(id, { received }, false), TELL_MS);
    try {
      await file.truncate(have);
      for await (const piece of body) {
        signal.throwIfAborted();
        await file.write(piece, 0, piece.byteLength, received);
        received += piece.byteLength;
      }
      await file.sync();
    } finally {
      clearInterval(telling);
      await file.close();
      this.#change(id, { received });
    }
  }

  async #finish(id: string, part: string, signal: AbortSignal): Promise<void> {
    const { name, sha256, total } = this.#get(id);
    const size = sizeOf(part);
    if (total !== null && size !== total)
      throw input('download-failed', `the connection was lost after ${size} of ${total} bytes`, 'Go on.');
    this.#change(id, { state: 'checking', received: size });
    const found = await sha256Of(part, signal);
    if (sha256 !== null && found !== sha256) {
      await rm(part, { force: true });
      this.#change(id, { tag: null, received: 0, total: null });
      throw input(
        'wrong-hash',
        `${name} has the SHA-256 ${found}, expected was ${sha256}; it was deleted`,
        'The file is damaged or another one. Compare the hash with the page it comes from.',
      );
    }
    const target = join(this.#setup.folder, name);
    if (existsSync(target))
      throw input('model-exists', `${target} is there already`, 'It is not written over.');
    await rename(part, target);
    this.#change(id, { state: 'done', sha256: found, total: size, received: size });
  }
}
