import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { crc32 } from './crc32.ts';
import { addPngTexts, readPngTexts } from './png.ts';

const makePng = () =>
  sharp(Buffer.alloc(4 * 4 * 3, 90), { raw: { width: 4, height: 4, channels: 3 } })
    .png()
    .toBuffer();

describe('PNG texts', () => {
  it('come back as they went in, in any script', async () => {
    const texts = [
      { keyword: 'parameters', text: 'a café\nSteps: 20, Seed: 1' },
      { keyword: 'sluice', text: '{"prompt":"猫と кот 🐈"}' },
      { keyword: 'empty', text: '' },
    ];
    expect(readPngTexts(addPngTexts(await makePng(), texts))).toEqual(texts);
  });

  it('are tEXt where Latin-1 is enough, iTXt where it is not', async () => {
    const png = addPngTexts(await makePng(), [
      { keyword: 'a', text: 'naïve' },
      { keyword: 'b', text: '猫' },
      { keyword: 'c', text: 'a control character \u0085' },
    ]).toString('latin1');
    expect(png).toContain('tEXta\0na\u00efve');
    expect(png).toContain('iTXtb\0');
    expect(png).toContain('iTXtc\0');
  });

  it('leave a file that decoders accept, with the same pixels', async () => {
    const plain = await makePng();
    const texts = addPngTexts(plain, [{ keyword: 'parameters', text: 'x' }]);
    const [a, b] = await Promise.all(
      [plain, texts].map((png) => sharp(png, { failOn: 'warning' }).raw().toBuffer()),
    );
    expect(b).toEqual(a);
    expect((await sharp(texts).metadata()).comments).toEqual([{ keyword: 'parameters', text: 'x' }]);
  });

  it('refuse what is no PNG, and keywords that PNG does not allow', async () => {
    expect(() => addPngTexts(Buffer.from('GIF89a..'), [])).toThrow(/not a PNG/);
    const png = await makePng();
    expect(() => addPngTexts(png, [{ keyword: '', text: 'x' }])).toThrow(/keyword/);
    expect(() => addPngTexts(png, [{ keyword: 'é', text: 'x' }])).toThrow(/keyword/);
    expect(() => readPngTexts(png.subarray(0, png.length - 20))).toThrow(/past the end/);
  });
});

it('crc32 has the check value of ISO 3309', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
});
