// Pictures that documents name by the SHA-256 of their file: the bytes, and a bitmap to draw. What no document of the
// history names any more is let go (`forgetAssets`); its file stays on the disk until the next start.
const files = new Map<string, Uint8Array<ArrayBuffer>>();
const bitmaps = new Map<string, ImageBitmap>();
const listeners = new Set<(id: string) => void>();

const hex = (digest: ArrayBuffer): string =>
  [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export interface Asset {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

// Decodes the file; rejects when it is no picture.
export async function addAsset(file: Uint8Array<ArrayBuffer>): Promise<Asset> {
  const id = hex(await crypto.subtle.digest('SHA-256', file));
  let bitmap = bitmaps.get(id);
  if (bitmap === undefined) {
    bitmap = await createImageBitmap(new Blob([file])).catch((cause: unknown) => {
      throw new Error('this file cannot be read as a picture; PNG, JPEG, WebP, GIF and AVIF can', { cause });
    });
    files.set(id, file);
    bitmaps.set(id, bitmap);
    for (const listener of listeners) listener(id);
  }
  return { id, width: bitmap.width, height: bitmap.height };
}

export const assetBitmap = (id: string): ImageBitmap | undefined => bitmaps.get(id);
export const assetFile = (id: string): Uint8Array<ArrayBuffer> | undefined => files.get(id);
export const knownAssets = (): string[] => [...files.keys()];

// Lets go of all but these; of the newest none, because a document that names them may be on its way.
export function forgetAssets(named: ReadonlySet<string>, newest: number): void {
  const ids = knownAssets();
  for (const id of ids.slice(0, Math.max(0, ids.length - newest))) {
    if (named.has(id)) continue;
    bitmaps.get(id)?.close();
    bitmaps.delete(id);
    files.delete(id);
  }
}

export function onAsset(listener: (id: string) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function fetchAsset(url: string): Promise<Asset> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} is not there (status ${answer.status})`);
  return addAsset(new Uint8Array(await answer.arrayBuffer()));
}
