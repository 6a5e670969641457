import type * as fs from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { checkOutput, writeWhole } from './files.ts';

// The n-th file from now whose writing finds the disk full; 0: none.
const disk = vi.hoisted(() => ({ fullAt: 0 }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  const open: typeof fs.open = async (...args) => {
    const file = await real.open(...args);
    if (disk.fullAt > 0 && --disk.fullAt === 0) {
      file.writeFile = () =>
        Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
    }
    return file;
  };
  return { ...real, open };
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-files-'));
});
afterEach(async () => {
  disk.fullAt = 0;
  await rm(folder, { recursive: true });
});
const at = (name: string) => join(folder, name);
const files = () => [
  { path: at('a.png'), content: Buffer.from('a') },
  { path: at('b.png'), content: Buffer.from('b') },
];

describe('writeWhole', () => {
  it('writes all files and nothing else', async () => {
    await writeWhole(files());
    expect(await readdir(folder)).toEqual(['a.png', 'b.png']);
    expect(await readFile(at('b.png'), 'utf8')).toBe('b');
  });

  it('replaces what was there', async () => {
    await writeFile(at('a.png'), 'old');
    await writeWhole(files());
    expect(await readFile(at('a.png'), 'utf8')).toBe('a');
  });

  it.each([1, 2])('leaves nothing when the disk is full at file %i, and says so', async (fullAt) => {
    await writeFile(at('a.png'), 'old');
    disk.fullAt = fullAt;
    await expect(writeWhole(files())).rejects.toMatchObject({ status: Status.input, code: 'disk-full' });
    expect(await readdir(folder)).toEqual(['a.png']);
    expect(await readFile(at('a.png'), 'utf8')).toBe('old');
  });

  it('leaves nothing when the user stops it at the last moment', async () => {
    await expect(writeWhole(files(), () => false)).rejects.toMatchObject({ status: Status.cancelled });
    expect(await readdir(folder)).toEqual([]);
  });

  it('names a folder that has gone', async () => {
    const lost = { path: join(folder, 'gone', 'c.png'), content: Buffer.from('c') };
    await expect(writeWhole([lost])).rejects.toMatchObject({
      status: Status.input,
      code: 'output-not-written',
    });
  });
});

describe('checkOutput', () => {
  it('accepts a new file and one that will be replaced', async () => {
    await writeFile(at('a.png'), 'old');
    await Promise.all([checkOutput(at('a.png')), checkOutput(at('new.png'))]);
  });

  it('names the folder that is missing', async () => {
    await expect(checkOutput(at('none/a.png'))).rejects.toMatchObject({
      status: Status.input,
      code: 'output-folder-missing',
      message: expect.stringContaining(at('none')) as unknown,
    });
  });

  it('refuses a folder in the file’s place', async () => {
    await expect(checkOutput(folder)).rejects.toMatchObject({ code: 'output-is-folder' });
  });
});
