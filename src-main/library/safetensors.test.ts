import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { encodeFloatTensors, readFloatTensor } from './safetensors.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(content: Uint8Array): Promise<string> {
  const path = join(folder, 'x.safetensors');
  await writeFile(path, content);
  return path;
}

function withHeader(header: string, data: number, claimed = header.length): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(data)]);
}

describe('safetensors', () => {
  it('come back as they went in', async () => {
    const latents = { shape: [1, 2, 3], values: new Float32Array([1, -2.5, 1e-30, 3e30, 0, 7]) };
    const other = { shape: [2], values: new Float32Array([9, 8]) };
    const path = await file(encodeFloatTensors({ other, latents }));
    expect(await readFloatTensor(path, 'latents')).toEqual(latents);
    expect(await readFloatTensor(path, 'other')).toEqual(other);
  });

  it('have their data aligned to 8 bytes', () => {
    const bytes = Buffer.from(encodeFloatTensors({ latents: { shape: [1], values: new Float32Array(1) } }));
    expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
  });

  it.each([
    ['too short', Buffer.from('abc')],
    ['a header past the end', withHeader('{}', 0, 1 << 30)],
    ['a header that is no JSON', withHeader('{"latents":', 0)],
    ['another tensor only', withHeader('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4)],
    ['half precision', withHeader('{"latents":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}', 2)],
    ['data past the end', withHeader('{"latents":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 4)],
    [
      'a shape that is not its size',
      withHeader('{"latents":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', 8),
    ],
    [
      'offsets that run backwards',
      withHeader('{"latents":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}', 8),
    ],
    ['a negative shape', withHeader('{"latents":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4)],
  ])('refuse %s', async (_, content) => {
    await expect(readFloatTensor(await file(content), 'latents')).rejects.toMatchObject({
      status: Status.input,
    });
  });

  it('refuse a file that is missing', async () => {
    await expect(readFloatTensor(join(folder, 'none'), 'latents')).rejects.toMatchObject({
      code: 'file-missing',
    });
  });
});
