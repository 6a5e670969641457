// What stands in a PNG file before its pixels: its size and its texts. Reads no more of the file than that.
import { open } from 'node:fs/promises';
import { type PngText, readPngTexts } from '../library/png.ts';

export interface PngHead {
  width: number;
  height: number;
  texts: PngText[];
}

const FIRST_BYTES = 32 * 1024; // almost always enough
const MOST_BYTES = 16 * 2 ** 20; // a ComfyUI workflow takes some hundred KiB

// How many bytes come before the first pixels; -1 when more of the file is needed to say.
function bytesBeforePixels(head: Buffer): number {
  for (let at = 8; at + 8 <= head.length; at += 12 + head.readUInt32BE(at)) {
    if (head.toString('latin1', at + 4, at + 8) === 'IDAT') return at;
  }
  return -1;
}

// Null for a file that is no PNG picture.
export async function readPngHead(path: string): Promise<PngHead | null> {
  const file = await open(path, 'r');
  try {
    for (let size = FIRST_BYTES; size <= MOST_BYTES; size *= 8) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
      const head = buffer.subarray(0, bytesRead);
      if (head.length < 33 || head.toString('latin1', 1, 4) !== 'PNG') return null;
      const end = bytesBeforePixels(head);
      if (end < 0 && bytesRead === size) continue;
      if (end < 0) return null;
      const [width, height] = [head.readUInt32BE(16), head.readUInt32BE(20)];
      if (width === 0 || height === 0) return null;
      return { width, height, texts: readPngTexts(head.subarray(0, end)) };
    }
    return null;
  } finally {
    await file.close();
  }
}
