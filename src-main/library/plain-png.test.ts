import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePlainPng, encodePlainPng } from './plain-png.ts';
import { resourceDir } from './paths.ts';

const pixels = Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => (i * 37) % 256);

describe('plain PNG files', () => {
  it('are read by sharp with the same pixels', async () => {
    const { data, info } = await sharp(encodePlainPng({ width: 5, height: 4, pixels }))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([5, 4, 3]);
    expect(new Uint8Array(data)).toEqual(pixels);
  });
  it('are read as sharp wrote them, with an alpha channel that is opaque too', async () => {
    const source = sharp(pixels, { raw: { width: 5, height: 4, channels: 3 } });
    expect(decodePlainPng(await source.clone().png().toBuffer())?.pixels).toEqual(pixels);
    expect(decodePlainPng(await source.clone().ensureAlpha().png().toBuffer())?.pixels).toEqual(pixels);
  });
  it('are no others: transparency, palettes, profiles, other formats', async () => {
    const source = sharp(pixels, { raw: { width: 5, height: 4, channels: 3 } });
    expect(decodePlainPng(await source.clone().ensureAlpha(0.5).png().toBuffer())).toBeNull();
    expect(decodePlainPng(await source.clone().withIccProfile('p3').png().toBuffer())).toBeNull();
    expect(decodePlainPng(await source.clone().jpeg().toBuffer())).toBeNull();
    expect(decodePlainPng(await readFile(join(resourceDir(), 'demo', 'fish.png')))).toBeNull();
  });
});
