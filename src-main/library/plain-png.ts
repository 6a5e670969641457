// PNG files without sharp. Inside Electron its libraries and GTK's get in each other's way, and the window only makes
// and needs the plainest of PNG files.
import { decode, encode, hasPngSignature } from 'fast-png';

export interface PlainPicture {
  width: number;
  height: number;
  pixels: Uint8Array; // RGB, rows from the top
}

export function encodePlainPng({ width, height, pixels }: PlainPicture): Buffer {
  const file = encode({ width, height, data: pixels, channels: 3, depth: 8 });
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
}

// Chunks that change what the numbers mean.
const coloured = new Set(['gAMA', 'cHRM', 'iCCP', 'tRNS', 'eXIf', 'acTL']);

function hasOnlyPlainChunks(file: Buffer): boolean {
  for (let at = 8; at + 8 <= file.length; at += 12 + file.readUInt32BE(at)) {
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'IDAT') return true;
    if (coloured.has(type)) return false;
  }
  return false;
}

// The picture of a file that is 8 bits, RGB or opaque RGBA, with no colour profile; null for any other file.
export function decodePlainPng(file: Buffer): PlainPicture | null {
  if (!hasPngSignature(file) || !hasOnlyPlainChunks(file)) return null;
  const { width, height, data, channels, depth } = decode(file);
  if (depth !== 8 || (channels !== 3 && channels !== 4) || !(data instanceof Uint8Array)) return null;
  if (channels === 3) return { width, height, pixels: data };
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    if (data[4 * i + 3] !== 255) return null;
    pixels[3 * i] = data[4 * i] ?? 0;
    pixels[3 * i + 1] = data[4 * i + 1] ?? 0;
    pixels[3 * i + 2] = data[4 * i + 2] ?? 0;
  }
  return { width, height, pixels };
}
