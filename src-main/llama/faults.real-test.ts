// Faults against the real server: whatever happens to it, the reader learns what arrived and what went wrong, and the
// next request works.
import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { cacheDir, programRoot } from '../library/paths.ts';
import type { AnswerError } from './completion.ts';
import { LogFile } from './log-file.ts';
import {
  type Bench,
  isAlive,
  makeBench,
  model,
  question,
  sameModelAs,
  serverBinary,
  silent,
  waitFor,
} from './real-server.ts';

let bench: Bench;
afterEach(() => bench.close());

const long = (more = {}) => question('Tell me a long story about the sea.', { maxTokens: 400, ...more });
const works = async (): Promise<void> => {
  const answer = await bench.service.ask(question('Say hello.', { maxTokens: 4 }), silent);
  expect(answer.tokens).toBeGreaterThan(0);
};

async function errorOf(promise: Promise<unknown>): Promise<AnswerError> {
  try {
    await promise;
  } catch (error) {
    return error as AnswerError;
  }
  throw new Error('it should have failed');
}

describe('a server that dies', () => {
  it('in the middle of an answer: what arrived is kept, and the next request works', async () => {
    bench = makeBench();
    let text = '';
    const onText = (piece: string): void => {
      text += piece;
      if (text.length > 20) process.kill(bench.service.supervisor.pid ?? 0, 'SIGKILL');
    };
    const error = await errorOf(bench.service.ask(long(), { ...silent, onText }));
    expect(error).toMatchObject({ code: 'answer-cut', status: 4 });
    expect(error.text).toBe(text);
    expect(error.message).toContain(`${text.length} characters had arrived`);
    await works();
  });

  it('again and again: gives up after its tries, and a new wish starts anew', async () => {
    bench = makeBench({ extraArguments: ['--no-warmup', '--threads', 'many'] });
    const error = await errorOf(bench.service.ask(question('Hello'), silent));
    expect(error.status).toBe(4);
    expect(bench.service.state).toMatchObject({ kind: 'crashed', retryMs: null });
  });

  it('that hangs in the middle of an answer: what arrived is kept', async () => {
    bench = makeBench({ supervision: { healthEveryMs: 200, healthTimeoutMs: 1500 } });
    let text = '';
    let hung = 0;
    const onText = (piece: string): void => {
      text += piece;
      if (hung !== 0 || text.length < 20) return;
      hung = bench.service.supervisor.pid ?? 0;
      process.kill(hung, 'SIGSTOP');
    };
    const error = await errorOf(bench.service.ask(long(), { ...silent, onText }));
    expect(error).toMatchObject({ code: 'answer-cut', status: 4, text });
    await works();
    expect(isAlive(hung)).toBe(false);
  });

  it('that hangs is found out, ended and replaced', async () => {
    bench = makeBench({ supervision: { healthEveryMs: 200, healthTimeoutMs: 1500 } });
    await works();
    const { pid } = bench.service.supervisor;
    process.kill(pid ?? 0, 'SIGSTOP');
    // Nothing of an answer had come: it is asked for again from the new one.
    await works();
    expect(isAlive(pid ?? 0)).toBe(false);
    expect(bench.logText()).toContain('no answer to 2 questions for its health');
  });
});

// A host is a Node of its own, which starts a server and is then killed.
describe.each(['kernel', 'pipe'])('a host that is killed (%s)', (guard) => {
  it('leaves no server behind', async () => {
    bench = makeBench();
    const args = ['--model', model, '--host', '127.0.0.1', '--port', '0', '--no-warmup', '--threads', '1'];
    const script = `
      const { launch } = await import(${JSON.stringify(join(programRoot(), 'out', 'main', 'language.js'))});
      launch(${JSON.stringify(serverBinary())}, ${JSON.stringify(args)}, { ...process.env, LLAMA_API_KEY: 'k' },
        (line) => console.log(line), ${JSON.stringify(guard)});
      setInterval(() => {}, 1000);`;
    const host = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    host.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await waitFor('the server listens', 60, () => output.includes('listening on'));
    const port = /127\.0\.0\.1:(\d+)/.exec(output)?.[1] ?? '';
    const servers = readdirSync('/proc').filter((pid) => {
      try {
        const [program = '', ...rest] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const mine = readFileSync(`/proc/${pid}/environ`, 'utf8').includes('LLAMA_API_KEY=k\0');
        return program.endsWith('llama-server') && rest.includes('--no-warmup') && mine;
      } catch {
        return false;
      }
    });
    expect(servers.length).toBeGreaterThan(0);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    host.kill('SIGKILL');
    const seconds = await waitFor(
      'the server is gone',
      2,
      () => !servers.some((pid) => isAlive(Number(pid))),
    );
    expect(seconds).toBeLessThan(2);
  });
});

describe('a model', () => {
  const path = (name: string): string => join(bench.folder, name);
  const asked = (file: string) => errorOf(bench.service.ask(question('Hello', { model: file }), silent));

  it('that is missing', async () => {
    bench = makeBench();
    expect(await asked(path('none.gguf'))).toMatchObject({ code: 'model-missing', status: 3 });
    await works();
  });

  it('that is truncated, in its header or in its weights', async () => {
    bench = makeBench();
    for (const bytes of [100_000, 60_000_000]) {
      copyFileSync(model, path('cut.gguf'));
      truncateSync(path('cut.gguf'), bytes);
      const error = await asked(path('cut.gguf'));
      expect(error).toMatchObject({ status: 3 });
      expect(error.code).toMatch(/model-(truncated|invalid)/);
    }
    await works();
  });

  it('that is random bytes, with and without a header', async () => {
    bench = makeBench();
    writeFileSync(path('random.gguf'), randomBytes(100_000));
    expect(await asked(path('random.gguf'))).toMatchObject({ code: 'model-invalid', status: 3 });
    writeFileSync(path('magic.gguf'), Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), randomBytes(100_000)]));
    expect(await asked(path('magic.gguf'))).toMatchObject({ code: 'model-invalid', status: 3 });
    await works();
  });

  it('that is deleted while it is loaded serves on, and is told missing when it is loaded anew', async () => {
    bench = makeBench();
    copyFileSync(model, path('gone.gguf'));
    const ask = () =>
      bench.service.ask(question('Hello', { model: path('gone.gguf'), maxTokens: 4 }), silent);
    await ask();
    rmSync(path('gone.gguf'));
    expect((await ask()).tokens).toBeGreaterThan(0);
    await bench.service.supervisor.stop();
    expect(await asked(path('gone.gguf'))).toMatchObject({ code: 'model-missing', status: 3 });
  });
});

it('a port that is taken is told', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const address = holder.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  bench = makeBench({ extraArguments: ['--no-warmup', '--port', port], limits: { retryMs: [] } });
  const error = await errorOf(bench.service.ask(question('Hello'), silent));
  expect(error.status).toBe(4);
  expect(error.message).toMatch(/bind/i);
  holder.close();
});

it('a prompt that is too long is told with both lengths', async () => {
  bench = makeBench({ contextTokens: 1024, slots: 1 });
  const error = await errorOf(bench.service.ask(question('word '.repeat(3000)), silent));
  expect(error).toMatchObject({ code: 'context-overflow', status: 3 });
  expect(error.message).toMatch(/\d{4} tokens.*1024/);
  await works();
});

it('a context that is full in the middle of an answer ends it as cut off', async () => {
  bench = makeBench({ contextTokens: 512, slots: 1 });
  const answer = await bench.service.ask(long({ maxTokens: 4000, temperature: 1.5 }), silent);
  // A model may come to its end before; this one, this hot, goes on.
  expect(answer.promptTokens + answer.tokens).toBeGreaterThan(400);
  expect(answer).toMatchObject({ stopped: 'limit', valid: null });
  await works();
});

it('memory that runs out while loading is told', async () => {
  bench = makeBench();
  const small = join(bench.folder, 'llama-server');
  await bench.close();
  mkdirSync(bench.folder, { recursive: true });
  // 300 MiB of addresses: enough for the program and the model, and not for its context. What its capabilities are tried
  // on asks for a smaller one, and has them all.
  const limited = `#!/bin/sh\ncase "$*" in *" 4096 "*) ulimit -v 307200;; esac\nexec '${serverBinary()}' "$@"\n`;
  writeFileSync(small, limited, { mode: 0o755 });
  bench = makeBench({
    places: { setting: small, packaged: '', path: '', cacheDir: cacheDir() },
    contextTokens: 4096,
    limits: { retryMs: [] },
  });
  const error = await errorOf(bench.service.ask(question('Hello'), silent));
  expect(error, bench.logText()).toMatchObject({ code: 'server-out-of-memory', status: 4 });
});

it('a disk that is full for logs stops nothing', async () => {
  bench = makeBench();
  const full = join(bench.folder, 'full.log');
  symlinkSync('/dev/full', full);
  const { folder } = bench;
  bench = makeBench({ log: new LogFile(full) });
  await works();
  await bench.log.settled();
  expect(bench.log.dropped).toBeGreaterThan(0);
  expect(bench.log.tail.some((line) => line.includes('listening on'))).toBe(true);
  rmSync(folder, { recursive: true, force: true });
});

it('the key is in no argument and no log, and only loopback is listened on', async () => {
  bench = makeBench();
  const work = await bench.service.supervisor.work(model);
  const { key } = work.endpoint;
  work.end();
  await works();
  const pid = bench.service.supervisor.pid ?? 0;
  expect(key?.length).toBeGreaterThan(20);
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(key);
  // Others may not read what carries it.
  expect(execFileSync('stat', ['-c', '%a', `/proc/${pid}/environ`], { encoding: 'utf8' }).trim()).toBe('400');
  await bench.log.settled();
  expect(bench.logText()).not.toContain(key);
  expect(bench.logText()).toContain('listening on http://127.0.0.1:');
  expect((await fetch(`${work.endpoint.url}/props`)).status).toBe(401);
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const link = execFileSync('readlink', [`/proc/${pid}/fd/${fd}`], { encoding: 'utf8' });
        return [/socket:\[(\d+)\]/.exec(link)?.[1]];
      } catch {
        return [];
      }
    }),
  );
  const listeners = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && sockets.has(fields[9]))
      .map((fields) => fields[1]?.split(':')[0]),
  );
  expect(listeners).toEqual(['0100007F']);
});

it('many swaps of the model leave memory and open files as they were', async () => {
  bench = makeBench({ slots: 1, contextTokens: 512 });
  // SLUICE_SWAPS=100 is the whole of it; here are enough to see a leak of files or of tens of megabytes.
  const swaps = Number(process.env['SLUICE_SWAPS'] ?? 20);
  const other = sameModelAs('swap-test.gguf');
  try {
    const files = (): number => readdirSync('/proc/self/fd').length;
    const samples: { rss: number; files: number }[] = [];
    for (let swap = 0; swap < swaps; swap++) {
      const work = await bench.service.supervisor.work(swap % 2 === 0 ? other : model);
      work.end();
      if (swap % 10 === 9) {
        globalThis.gc?.();
        samples.push({ rss: process.memoryUsage().rss, files: files() });
      }
    }
    const [first] = samples;
    const last = samples.at(-1);
    if (swaps >= 100) console.log(JSON.stringify(samples));
    expect(last?.files).toBeLessThanOrEqual((first?.files ?? 0) + 2);
    expect((last?.rss ?? 0) - (first?.rss ?? 0)).toBeLessThan(64 << 20);
    expect(bench.service.state).toMatchObject({ kind: 'ready' });
  } finally {
    rmSync(other, { force: true });
  }
});
