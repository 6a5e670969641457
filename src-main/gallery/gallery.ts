// The pictures in one folder. The folder is the truth: what is added or taken away by other programs is seen at the
// next look. Only stars are kept beside it. Knows no Electron.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { boardName, type GalleryPicture, pictureId } from '../../src-preload/contract/gallery.ts';
import { writeWhole } from '../library/files.ts';
import { SettingsFile } from '../library/settings.ts';
import { madeFromTexts } from './made-from.ts';
import { readPngHead } from './png-head.ts';

export interface GallerySetup {
  folder: string;
  stars: string; // a settings file
  boards: string; // another one
  readonly url: (file: string) => string; // of a file below the folder
}

export const LIVE_FOLDER = 'live'; // in the gallery's: pictures of live painting, of which the last few are there
// What ControlNets saw, by the SHA-256 of the file.
export const CONTROLS_FOLDER = 'controls';
const controlName = /^[0-9a-f]{64}\.png$/;

interface Found {
  id: string;
  bytes: number;
  madeAt: number;
}

const AT_ONCE = 16; // files looked into

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  return results;
}

export class Gallery {
  readonly #setup: GallerySetup;
  readonly #stars: SettingsFile<string[]>;
  readonly #boards: SettingsFile<Record<string, string>>; // by picture
  #found: Found[] = [];

  constructor(setup: GallerySetup) {
    this.#setup = setup;
    mkdirSync(setup.folder, { recursive: true });
    this.#stars = new SettingsFile(setup.stars, z.array(pictureId), []);
    this.#boards = new SettingsFile(setup.boards, z.record(pictureId, boardName), {});
  }

  // The path of a picture; throws when there is none of that name.
  path(id: string): string {
    const path = join(this.#setup.folder, pictureId.parse(id));
    if (existsSync(path)) return path;
    throw new SluiceError(
      Status.input,
      'picture-missing',
      `the picture ${path} is not there any more`,
      'It was moved or deleted by another program.',
    );
  }

  async page(from: number, count: number): Promise<{ pictures: GalleryPicture[]; total: number }> {
    if (from === 0) this.#found = await this.#look();
    const read = await inBatches(this.#found.slice(from, from + count), (found) => this.#read(found));
    return { pictures: read.filter((picture) => picture !== null), total: this.#found.length };
  }

  // Null when the file is no picture.
  async read(id: string): Promise<GalleryPicture | null> {
    const found = await this.#stat(id);
    return found === null ? null : this.#read(found);
  }

  async bring(name: string, file: Uint8Array): Promise<GalleryPicture> {
    const known = await this.#sameFile(file);
    const plain = parse(name).name.replace(/[^\p{L}\p{N} _.-]/gu, '_');
    const stamp = new Date().toISOString().replace(/[:.]/g, '-');
    const id = known ?? `${stamp}-${plain.slice(0, 80) || 'picture'}-${randomUUID().slice(0, 8)}.png`;
    const path = join(this.#setup.folder, id);
    if (known === null) {
      if (Buffer.from(file.buffer, file.byteOffset, 8).toString('latin1', 1, 4) !== 'PNG')
        throw new SluiceError(Status.input, 'image-unreadable', `${name} is no PNG file`);
      await writeWhole([{ path, content: file }]);
    }
    const picture = await this.read(id);
    if (picture !== null) return picture;
    throw new SluiceError(Status.input, 'image-unreadable', `${name} is a PNG file without a picture`);
  }

  async star(id: string, starred: boolean): Promise<void> {
    this.path(id);
    const others = this.#stars.value.filter((other) => other !== id);
    await this.#stars.set(starred ? [...others, id] : others);
  }

  async board(id: string, board: string | null): Promise<void> {
    this.path(id);
    await this.#setBoard(id, board);
  }

  async trash(id: string, remove: (path: string) => Promise<unknown>): Promise<void> {
    await remove(this.path(id));
    this.#found = this.#found.filter((found) => found.id !== id);
    if (this.#stars.value.includes(id)) await this.#stars.set(this.#stars.value.filter((o) => o !== id));
    if (this.#boards.value[id] !== undefined) await this.#setBoard(id, null);
  }

  async #setBoard(id: string, board: string | null): Promise<void> {
    const others = Object.entries(this.#boards.value).filter(([other]) => other !== id);
    await this.#boards.set(Object.fromEntries(board === null ? others : [...others, [id, board]]));
  }

  async #stat(id: string): Promise<Found | null> {
    const found = await stat(join(this.#setup.folder, id)).catch(() => null);
    if (found?.isFile() !== true || found.size === 0) return null;
    return { id, bytes: found.size, madeAt: found.mtimeMs };
  }

  async #look(): Promise<Found[]> {
    const names = await readdir(this.#setup.folder).catch(() => []);
    const ids = names.filter((name) => pictureId.safeParse(name).success);
    const found = (await inBatches(ids, (id) => this.#stat(id))).filter((each) => each !== null);
    return found.sort((a, b) => b.madeAt - a.madeAt || (a.id < b.id ? 1 : -1));
  }

  async #read({ id, bytes, madeAt }: Found): Promise<GalleryPicture | null> {
    const { folder, url } = this.#setup;
    try {
      const head = await readPngHead(join(folder, id));
      if (head === null) return null;
      const { width, height, texts } = head;
      const from = madeFromTexts(texts, (image) =>
        controlName.test(image) && existsSync(join(folder, CONTROLS_FOLDER, image))
          ? url(`${CONTROLS_FOLDER}/${image}`)
          : null,
      );
      const starred = this.#stars.value.includes(id);
      const board = this.#boards.value[id] ?? null;
      return { id, url: url(id), width, height, bytes, madeAt, starred, board, from };
    } catch {
      return null; // damaged, or gone meanwhile
    }
  }

  async #sameFile(file: Uint8Array): Promise<string | null> {
    const hash = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
    const wanted = hash(file);
    for (const { id, bytes } of await this.#look()) {
      if (bytes !== file.byteLength) continue;
      if (hash(await readFile(join(this.#setup.folder, id))) === wanted) return id;
    }
    return null;
  }
}
