import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SetUpState } from '../../src-preload/contract/chat.ts';
import { describeModel, judgeModel } from './models.ts';
import { LanguageSetUp } from './set-up.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-chat-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('how a model fits', () => {
  const small = { bytes: 100 * 2 ** 20, contextTokens: 8192, cacheBytesPerToken: 23_040 };
  it('is told with the figures', () => {
    expect(judgeModel(small, 4 * 2 ** 30)).toEqual({
      fit: 'fits',
      why: 'Fits: needs 0.4 GiB of memory, 4.0 GiB are free',
    });
  });
  it('is slow where the context has to be shortened, or the weights are many', () => {
    expect(judgeModel(small, 300 * 2 ** 20).fit).toBe('slow');
    expect(judgeModel({ ...small, bytes: 8 * 2 ** 30 }, 32 * 2 ** 30).why).toContain('Slow on a processor');
  });
  it('does not fit into too little', () => {
    expect(judgeModel(small, 150 * 2 ** 20).fit).toBe('too-large');
  });
  it('names a file that is no model', async () => {
    const path = join(folder, 'words.gguf');
    writeFileSync(path, 'no model');
    const described = await describeModel({ name: 'words', path, source: 'user', bytes: 8 }, 2 ** 30);
    expect(described).toMatchObject({ fit: 'unreadable', parameters: 0 });
    expect(described.why).toContain(path);
  });
});

describe('setting up', () => {
  const script = (text: string): string => {
    const path = join(folder, 'set-up.mjs');
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  };
  // Every state until it is over.
  const run = (path: string, isThere: () => boolean): Promise<SetUpState[]> =>
    new Promise((resolve) => {
      const states: SetUpState[] = [];
      const setUp = new LanguageSetUp({ script: path, node: process.execPath, isThere }, (state) => {
        states.push(state);
        if (state.kind !== 'running') resolve(states);
      });
      setUp.start();
      setUp.start(); // a second click changes nothing
    });

  it('is impossible where there is nothing to build with', () => {
    const options = { script: join(folder, 'nothing.mjs'), node: 'node', isThere: () => false };
    const setUp = new LanguageSetUp(options, () => expect.unreachable());
    setUp.start();
    expect(setUp.state.kind).toBe('impossible');
  });
  it('tells what it does, line by line, and that it is done', async () => {
    const states = await run(
      script("console.error('set-up: fetching'); setTimeout(() => {}, 20)"),
      () => true,
    );
    expect(states).toContainEqual({ kind: 'running', line: 'fetching' });
    expect(states.at(-1)).toEqual({ kind: 'idle' });
  });
  it('fails by what is missing afterwards, whatever its status', async () => {
    const states = await run(script("console.error('set-up: no network')"), () => false);
    expect(states.at(-1)).toEqual({ kind: 'failed', line: 'no network' });
  });
  it('ends what it started', async () => {
    const path = script("console.error('set-up: building'); setInterval(() => {}, 1000)");
    const pid = await new Promise<number>((resolve, reject) => {
      const options = { script: path, node: process.execPath, isThere: () => false };
      const setUp = new LanguageSetUp(options, (state) => {
        if (state.kind !== 'running' || state.line !== 'building') return;
        const started = setUp.pid;
        setUp.close();
        if (started === undefined) reject(new Error('it has no process'));
        else resolve(started);
      });
      setUp.start();
    });
    await expect
      .poll(() => {
        try {
          process.kill(pid, 0);
          return true;
        } catch {
          return false;
        }
      })
      .toBe(false);
  });
});
