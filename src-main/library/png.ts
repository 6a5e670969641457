// Text in PNG files: tEXt where Latin-1 is enough (what every reader knows), iTXt where it is not.
// Chunk layout: W3C PNG, third edition, sections 5 and 11.3.3. Pixels are sharp's business.
import { inflateSync } from 'node:zlib';
import { crc32 } from './crc32.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export interface PngText {
  keyword: string; // 1 to 79 printable ASCII characters
  text: string;
}

interface Chunk {
  type: string;
  data: Buffer;
}

function* chunksOf(png: Buffer): Generator<Chunk & { begin: number; end: number }> {
  if (!png.subarray(0, 8).equals(SIGNATURE)) throw new Error('not a PNG file');
  let at = 8;
  while (at + 12 <= png.length) {
    const length = png.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > png.length) throw new Error(`a PNG chunk at ${at} runs past the end of the file`);
    const data = png.subarray(at + 8, at + 8 + length);
    yield { type: png.toString('latin1', at + 4, at + 8), data, begin: at, end };
    at = end;
  }
}

function encodeChunk({ type, data }: Chunk): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

// Latin-1's printable characters and line feeds, as tEXt allows.
const isLatin1 = (text: string): boolean => /^[\n\x20-\x7e\xa0-\xff]*$/.test(text);

function textChunk({ keyword, text }: PngText): Chunk {
  if (!/^[\x20-\x7e]{1,79}$/.test(keyword)) throw new Error(`"${keyword}" is no PNG keyword`);
  if (isLatin1(text)) return { type: 'tEXt', data: Buffer.from(`${keyword}\0${text}`, 'latin1') };
  // keyword, 0, not compressed, method 0, no language, no translated keyword
  return {
    type: 'iTXt',
    data: Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text)]),
  };
}

// The same picture with the texts before its pixels.
export function addPngTexts(png: Buffer, texts: readonly PngText[]): Buffer {
  for (const { type, end } of chunksOf(png)) {
    if (type !== 'IHDR') break;
    const added = texts.map((text) => encodeChunk(textChunk(text)));
    return Buffer.concat([png.subarray(0, end), ...added, png.subarray(end)]);
  }
  throw new Error('a PNG file begins with IHDR');
}

// A text is never so long; a file that claims more is up to no good.
const MAX_TEXT_BYTES = 16 * 2 ** 20;

function inflated(data: Buffer): Buffer | null {
  try {
    return inflateSync(data, { maxOutputLength: MAX_TEXT_BYTES });
  } catch {
    return null; // damaged, or too long
  }
}

// What follows the keyword of an iTXt chunk: two flags, language, translated keyword, text.
function internationalText(data: Buffer, zero: number): string | null {
  const language = data.indexOf(0, zero + 3);
  const translated = language < 0 ? -1 : data.indexOf(0, language + 1);
  if (translated < 0) return null;
  const text = data.subarray(translated + 1);
  return (data[zero + 1] === 0 ? text : inflated(text))?.toString('utf8') ?? null;
}

// All texts of a file, in its order; damaged ones are left out.
export function readPngTexts(png: Buffer): PngText[] {
  const texts: PngText[] = [];
  for (const { type, data } of chunksOf(png)) {
    const zero = data.indexOf(0);
    if (zero < 1) continue;
    const keyword = data.toString('latin1', 0, zero);
    let text: string | null = null;
    if (type === 'tEXt') text = data.toString('latin1', zero + 1);
    if (type === 'zTXt') text = inflated(data.subarray(zero + 2))?.toString('latin1') ?? null;
    if (type === 'iTXt') text = internationalText(data, zero);
    if (text !== null) texts.push({ keyword, text });
  }
  return texts;
}
