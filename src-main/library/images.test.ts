import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { encodePng, loadGrey, loadRgb } from './images.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-images-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function picture(channels: 1 | 2 | 3 | 4, pixels: number[], width = 2, height = 1): Promise<string> {
  const path = join(folder, `${channels}-${pixels.join('-').slice(0, 60)}.png`);
  await sharp(Buffer.from(pixels), { raw: { width, height, channels } }).png().toFile(path);
  return path;
}

describe('loadRgb', () => {
  it('gives the pixels as they are', async () => {
    const path = await picture(3, [1, 2, 3, 250, 251, 252]);
    const { picture: loaded, notices } = await loadRgb(path, 'image', 2, 1);
    expect(loaded).toMatchObject({ width: 2, height: 1 });
    expect([...loaded.pixels]).toEqual([1, 2, 3, 250, 251, 252]);
    expect(notices).toEqual([]);
  });

  it('makes three channels of one', async () => {
    const { picture: loaded } = await loadRgb(await picture(1, [7, 200]), 'image', 2, 1);
    expect([...loaded.pixels]).toEqual([7, 7, 7, 200, 200, 200]);
  });

  it('takes what is transparent as white, and says so', async () => {
    const { picture: loaded, notices } = await loadRgb(
      await picture(4, [9, 8, 7, 255, 9, 8, 7, 0]),
      'image',
      2,
      1,
    );
    expect([...loaded.pixels]).toEqual([9, 8, 7, 255, 255, 255]);
    expect(notices.join()).toMatch(/transparent/);
  });

  it('stretches, and says from what to what', async () => {
    const { picture: loaded, notices } = await loadRgb(
      await picture(3, [0, 0, 0, 255, 255, 255]),
      'hint',
      8,
      16,
    );
    expect(loaded.pixels).toHaveLength(8 * 16 * 3);
    expect(notices.join()).toMatch(/stretched from 2x1 to 8x16/);
  });

  it('refuses what is no picture and what is not there', async () => {
    const path = join(folder, 'text.png');
    await writeFile(path, 'no picture');
    await expect(loadRgb(path, 'image', 8, 8)).rejects.toMatchObject({
      status: Status.input,
      code: 'image-unreadable',
    });
    await expect(loadRgb(join(folder, 'none.png'), 'image', 8, 8)).rejects.toMatchObject({
      code: 'image-missing',
    });
  });

  it('refuses a picture that is cut off', async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
    const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toBuffer();
    const path = join(folder, 'cut.png');
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(loadRgb(path, 'image', 64, 64)).rejects.toMatchObject({ code: 'image-unreadable' });
  });
});

it('loadGrey weighs colours as ITU-R 601', async () => {
  const path = await picture(3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255], 4);
  const { picture: loaded } = await loadGrey(path, 'mask', 4, 1);
  expect([...loaded.pixels]).toEqual([76, 150, 29, 255]);
});

it('encodePng keeps every pixel', async () => {
  const pixels = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (i * 37) % 256);
  const decoded = await sharp(await encodePng({ width: 5, height: 3, pixels }))
    .raw()
    .toBuffer();
  expect(new Uint8Array(decoded)).toEqual(pixels);
});
