// The goldens under native/engine/testdata/goldens/ (training/goldens/README.md says how they were made), and the
// two measures by which results are held against them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

export const goldens = join(root, 'native', 'engine', 'testdata', 'goldens');

export const readIndex = (folder) => JSON.parse(readFileSync(join(goldens, folder, 'index.json'), 'utf8'));

// Tensors of a safetensors file by name: shape and float32 values.
export function readTensors(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (dtype !== 'F32') throw new Error(`${path}: ${name} is ${dtype}, not F32`);
    const [begin, end] = range.map((offset) => offset + 8 + length);
    const copy = bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + end);
    tensors.set(name, { shape, values: new Float32Array(copy) });
  }
  return tensors;
}

// max|a-b| / max|b|, the worst over all tensors; infinite when names, shapes or finiteness disagree.
export function worstDifference(a, b) {
  if (a.size !== b.size) return Infinity;
  let worst = 0;
  for (const [name, { shape, values }] of b) {
    const other = a.get(name);
    if (!other || other.shape.join() !== shape.join()) return Infinity;
    let apart = 0;
    let largest = 0;
    for (let i = 0; i < values.length; i++) {
      const distance = Math.abs(other.values[i] - values[i]);
      if (!Number.isFinite(distance)) return Infinity;
      apart = Math.max(apart, distance);
      largest = Math.max(largest, Math.abs(values[i]));
    }
    worst = Math.max(worst, apart / Math.max(largest, 1e-30));
  }
  return worst;
}

// Peak signal-to-noise ratio of two pictures' RGB, in dB; -Infinity when their sizes differ.
export async function psnr(a, b) {
  const { default: sharp } = await import('sharp');
  const load = (path) => sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const [first, second] = await Promise.all([load(a), load(b)]);
  if (first.info.width !== second.info.width || first.info.height !== second.info.height) return -Infinity;
  let sum = 0;
  for (let i = 0; i < first.data.length; i++) sum += (first.data[i] - second.data[i]) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / first.data.length));
}
