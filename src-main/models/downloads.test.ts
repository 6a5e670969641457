import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Download } from '../../src-preload/contract/models.ts';
import { Downloads, fileNameOf } from './downloads.ts';

const content = randomBytes(3_000_000);
const hash = createHash('sha256').update(content).digest('hex');

let folder = '';
let server: Server;
let base = '';
let asked: { range: string | undefined; status: number }[] = [];
// How the server behaves.
let stopAfter: number | null = null; // bytes, then the connection breaks
let slow = false;
let tag = '"one"';
let file = content;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { range } = request.headers;
  const from =
    range !== undefined && request.headers['if-range'] === tag ? Number(/\d+/.exec(range)?.[0]) : 0;
  if (from >= file.length && range !== undefined && from > 0) {
    asked.push({ range, status: 416 });
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    return;
  }
  const status = from > 0 ? 206 : 200;
  asked.push({ range, status });
  response.writeHead(status, {
    'content-length': file.length - from,
    etag: tag,
    ...(from > 0 ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
  });
  const rest = file.subarray(from);
  if (stopAfter !== null) {
    response.write(rest.subarray(0, stopAfter), () => setTimeout(() => response.destroy(), 20));
  } else if (slow) {
    response.write(rest.subarray(0, 1_000_000)); // and then nothing, until the other end leaves
  } else response.end(rest);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-downloads-'));
  [asked, stopAfter, slow, tag, file] = [[], null, false, '"one"', content];
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const models = (): string => join(folder, 'models');
const path = (): string => join(models(), 'boat.safetensors');

function make(): {
  downloads: Downloads;
  until: (state: Download['state'], received?: number) => Promise<Download>;
} {
  let last: Download | null = null;
  const downloads = new Downloads({
    folder: models(),
    list: join(folder, 'downloads.json'),
    changed: (now) => (last = now),
  });
  return {
    downloads,
    until: async (state, received = 0) => {
      await expect
        .poll(() => last?.state === state && last.received >= received, { timeout: 5000 })
        .toBe(true);
      if (last === null) throw new Error('nothing changed');
      return last;
    },
  };
}

describe('a download', () => {
  it('is whole, has the wanted hash, and only then its name', async () => {
    const { downloads, until } = make();
    downloads.start({ url: `${base}/models/boat.safetensors?x=1`, sha256: hash });
    expect(await until('done')).toMatchObject({ received: content.length, sha256: hash });
    expect(readFileSync(path()).equals(content)).toBe(true);
    expect(existsSync(`${path()}.part`)).toBe(false);
    expect(downloads.files()).toEqual([path()]);
  });

  it('goes on where the connection was lost', async () => {
    stopAfter = 1_200_000;
    const { downloads, until } = make();
    const id = downloads.start({ url: `${base}/boat.safetensors`, sha256: hash });
    const failed = await until('failed');
    expect(failed.failure?.code).toBe('download-failed');
    expect(failed.received).toBeGreaterThan(0);
    stopAfter = null;
    downloads.resume(id);
    await until('done');
    expect(readFileSync(path()).equals(content)).toBe(true);
    expect(asked.at(-1)).toEqual({ range: `bytes=${failed.received}-`, status: 206 });
  });

  it('is paused, and goes on after a restart', async () => {
    slow = true;
    const before = make();
    const id = before.downloads.start({ url: `${base}/boat.safetensors`, sha256: null });
    await expect
      .poll(() => existsSync(`${path()}.part`) && readFileSync(`${path()}.part`).length)
      .toBe(1_000_000);
    await before.downloads.close();
    expect(before.downloads.list()).toMatchObject([{ state: 'paused', received: 1_000_000 }]);
    slow = false;
    const { downloads, until } = make();
    expect(downloads.list()).toMatchObject([
      { id, state: 'paused', received: 1_000_000, total: content.length },
    ]);
    expect(asked.length).toBe(1); // nothing begins by itself
    downloads.resume(id);
    await until('done');
    expect(asked.at(-1)?.range).toBe('bytes=1000000-');
    expect(readFileSync(path()).equals(content)).toBe(true);
  });

  it('begins anew when the file has changed meanwhile', async () => {
    stopAfter = 500_000;
    const { downloads, until } = make();
    const id = downloads.start({ url: `${base}/boat.safetensors`, sha256: null });
    await until('failed');
    [stopAfter, tag, file] = [null, '"two"', randomBytes(400_000)];
    downloads.resume(id);
    await until('done');
    expect(readFileSync(path()).equals(file)).toBe(true);
  });

  it('is deleted when its hash is wrong, and says both', async () => {
    const { downloads, until } = make();
    downloads.start({ url: `${base}/boat.safetensors`, sha256: 'f'.repeat(64) });
    const { failure } = await until('failed');
    expect(failure?.message).toContain(hash);
    expect(failure?.message).toContain('f'.repeat(64));
    expect([existsSync(path()), existsSync(`${path()}.part`)]).toEqual([false, false]);
  });

  it('never writes over a model', async () => {
    const { downloads, until } = make();
    downloads.start({ url: `${base}/boat.safetensors`, sha256: null });
    await until('done');
    expect(() => downloads.start({ url: `${base}/boat.safetensors`, sha256: null })).toThrow(
      'is there already',
    );
  });

  it('says what the server said', async () => {
    server
      .removeAllListeners('request')
      .on('request', (_, response: ServerResponse) => response.writeHead(403).end());
    const { downloads, until } = make();
    downloads.start({ url: `${base}/boat.safetensors`, sha256: null });
    expect((await until('failed')).failure?.message).toContain('status 403');
  });

  it('leaves nothing when it is forgotten', async () => {
    slow = true;
    const { downloads } = make();
    const id = downloads.start({ url: `${base}/boat.safetensors`, sha256: null });
    await expect.poll(() => existsSync(`${path()}.part`)).toBe(true);
    await downloads.forget(id);
    expect([downloads.list(), existsSync(`${path()}.part`)]).toEqual([[], false]);
  });

  it('heals a list that cannot be read', () => {
    writeFileSync(join(folder, 'downloads.json'), '{"broken');
    expect(make().downloads.list()).toEqual([]);
  });
});

describe('an address', () => {
  it('is of a model, encrypted, without a password', () => {
    expect(fileNameOf('https://host.example/a/b%20c.gguf?download=true')).toBe('b c.gguf');
    for (const url of [
      'boat',
      'file:///etc/passwd.gguf',
      'http://host.example/a.gguf',
      'https://me:secret@host.example/a.gguf',
      'https://host.example/a.exe',
      'https://host.example/',
      'https://host.example/%2e%2e%2f.gguf%2f',
    ])
      expect(() => fileNameOf(url), url).toThrow();
    expect(fileNameOf('https://host.example/..%2f..%2fa.gguf')).toBe('a.gguf');
  });
});
