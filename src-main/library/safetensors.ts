// Small safetensors files: the latents that a job begins with or ends with. Models are the engine's business.
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';

const MAX_BYTES = 1 << 28; // far above any latents

const entry = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

export interface FloatTensor {
  shape: number[];
  values: Float32Array;
}

function bad(path: string, message: string): SluiceError {
  return new SluiceError(Status.input, 'latents-invalid', `${path}: ${message}`);
}

// The tensor `name`, which must be float32.
export async function readFloatTensor(path: string, name: string): Promise<FloatTensor> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) throw new SluiceError(Status.input, 'file-missing', `${path} does not exist`);
  if (found.size > MAX_BYTES) throw bad(path, `${found.size} bytes are too many for latents`);
  const bytes = await readFile(path);
  if (bytes.length < 8) throw bad(path, 'too short to be a safetensors file');
  const headerBytes = bytes.readBigUInt64LE(0);
  if (headerBytes > BigInt(bytes.length - 8)) {
    throw bad(path, `its header claims ${headerBytes} bytes, the file has ${bytes.length}`);
  }
  const begin = 8 + Number(headerBytes);
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 8, begin));
  } catch (cause) {
    throw new SluiceError(Status.input, 'latents-invalid', `${path}: its header is not JSON`, '', { cause });
  }
  const tensors = z.record(z.string(), z.unknown()).safeParse(header);
  const wanted = tensors.success ? tensors.data[name] : undefined;
  if (wanted === undefined) throw bad(path, `there is no tensor named "${name}"`);
  const parsed = entry.safeParse(wanted);
  if (!parsed.success) throw bad(path, `the tensor "${name}" is described wrongly`);
  const { dtype, shape, data_offsets: offsets } = parsed.data;
  if (dtype !== 'F32') throw bad(path, `the tensor "${name}" is ${dtype}, expected F32`);
  const count = shape.reduce((product, size) => product * size, 1);
  if (offsets[1] - offsets[0] !== count * 4 || begin + offsets[1] > bytes.length) {
    throw bad(path, `the tensor "${name}" does not lie within the file`);
  }
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = bytes.readFloatLE(begin + offsets[0] + i * 4);
  return { shape, values };
}

export function encodeFloatTensors(tensors: Readonly<Record<string, FloatTensor>>): Uint8Array {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + values.length * 4] };
    end += values.length * 4;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8, ' '), 'utf8');
  const bytes = Buffer.alloc(8 + text.length + end);
  bytes.writeBigUInt64LE(BigInt(text.length), 0);
  text.copy(bytes, 8);
  let at = 8 + text.length;
  for (const { values } of Object.values(tensors)) {
    for (const value of values) at = bytes.writeFloatLE(value, at);
  }
  return bytes;
}
