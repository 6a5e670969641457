// Picture files to pixels and back, by sharp. Stretches to the size that a job needs and says so. sharp is loaded when
// it is needed: the window's own plain pictures get by without it (plain-png.ts says why).
import { readFile, stat } from 'node:fs/promises';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { decodePlainPng } from './plain-png.ts';

export interface Picture {
  width: number;
  height: number;
  pixels: Uint8Array; // RGB or grey, rows from the top
}

export interface Loaded {
  picture: Picture;
  notices: string[];
}

interface Wanted {
  what: string; // for messages: "control image"
  width: number;
  height: number;
  kernel: 'lanczos3' | 'nearest';
}

const MAX_PIXELS = 1 << 28;

async function decode(path: string, wanted: Wanted): Promise<Loaded> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) {
    throw new SluiceError(Status.input, 'image-missing', `the ${wanted.what} ${path} does not exist`);
  }
  try {
    const plain = decodePlainPng(await readFile(path));
    if (plain?.width === wanted.width && plain.height === wanted.height)
      return { picture: plain, notices: [] };
    const { default: sharp } = await import('sharp');
    const source = sharp(path, { limitInputPixels: MAX_PIXELS, failOn: 'error' }).autoOrient();
    const meta = await source.metadata();
    const { width: fileWidth, height: fileHeight } = meta.autoOrient;
    const notices: string[] = [];
    let image = source.toColourspace('srgb');
    if (meta.hasAlpha) {
      image = image.flatten({ background: '#ffffff' });
      notices.push(`the ${wanted.what} ${path} has transparent parts; they are taken as white`);
    }
    if (fileWidth !== wanted.width || fileHeight !== wanted.height) {
      const sizes = `from ${fileWidth}x${fileHeight} to ${wanted.width}x${wanted.height}`;
      notices.push(`the ${wanted.what} ${path} is stretched ${sizes}`);
      image = image.resize(wanted.width, wanted.height, {
        fit: 'fill',
        kernel: wanted.kernel,
        fastShrinkOnLoad: false,
      });
    }
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { picture: toRgb(data, info.width, info.height, info.channels), notices };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SluiceError(
      Status.input,
      'image-unreadable',
      `the ${wanted.what} ${path} cannot be read as a picture: ${reason}`,
      'PNG, JPEG, WebP, TIFF, GIF and AVIF are read.',
      { cause },
    );
  }
}

function toRgb(data: Uint8Array, width: number, height: number, channels: number): Picture {
  if (channels === 3) return { width, height, pixels: data };
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) pixels[i * 3 + c] = data[i * channels + (channels >= 3 ? c : 0)] ?? 0;
  }
  return { width, height, pixels };
}

export function loadRgb(path: string, what: string, width: number, height: number): Promise<Loaded> {
  return decode(path, { what, width, height, kernel: 'lanczos3' });
}

// Luma of ITU-R 601-2, as Pillow's "L".
export async function loadGrey(path: string, what: string, width: number, height: number): Promise<Loaded> {
  const { picture, notices } = await decode(path, { what, width, height, kernel: 'nearest' });
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const [r = 0, g = 0, b = 0] = picture.pixels.subarray(i * 3, i * 3 + 3);
    grey[i] = (r * 299 + g * 587 + b * 114 + 500) / 1000;
  }
  return { picture: { width, height, pixels: grey }, notices };
}

export async function encodePng({ width, height, pixels }: Picture): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
