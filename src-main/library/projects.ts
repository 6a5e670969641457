// What is open in the studio, on the disk: a work folder that holds the newest document and its pictures, and project
// files (zip) that it is saved to and opened from. Every write is whole or not at all, so a crash at any moment leaves
// the last kept document and the last saved file. Knows no Electron and nothing of what a document means.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { strFromU8, strToU8, unzip, zip, type AsyncZippable, type Unzipped } from 'fflate';
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { assetId, type OpenedProject, type ProjectState } from '../../src-preload/contract/projects.ts';
import { isPart, writeWhole } from './files.ts';

const FORMAT = 'sluice-project';
const VERSION = 1;
const MAX_PROJECT_BYTES = 2 ** 31 - 1;
const UNTITLED = 'Untitled';

const head = z.object({ format: z.literal(FORMAT), version: z.number().int(), document: z.unknown() });
const meta = z.object({ path: z.string().nullable(), savedHash: z.string() });
type Meta = z.infer<typeof meta>;

const hashOf = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');

const unreadable = (path: string, found: string, cause?: unknown): SluiceError =>
  new SluiceError(
    Status.input,
    'project-unreadable',
    `${path} cannot be opened as a project: ${found}`,
    'Projects are .sluice files that the studio has saved.',
    { cause },
  );

function packed(files: AsyncZippable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zip(files, { level: 0 }, (error, data) => (error === null ? resolve(data) : reject(error)));
  });
}

function unpacked(file: Uint8Array, path: string): Promise<Unzipped> {
  let whole = 0;
  return new Promise((resolve, reject) => {
    const filter = ({ name, originalSize }: { name: string; originalSize: number }): boolean => {
      whole += originalSize;
      return whole <= MAX_PROJECT_BYTES && (name === 'sluice.json' || name.startsWith('assets/'));
    };
    unzip(file, { filter }, (error, files) => {
      if (error !== null) reject(unreadable(path, error.message, error));
      else if (whole > MAX_PROJECT_BYTES) reject(unreadable(path, 'it unpacks to more than 2 GiB'));
      else resolve(files);
    });
  });
}

// Assets that a document names, wherever it does: they are 64 hexadecimal digits.
function namedAssets(document: string): Set<string> {
  return new Set([...document.matchAll(/"([0-9a-f]{64})"/g)].map(([, id = '']) => id));
}

export class Projects {
  readonly #folder: string;
  #meta: Meta = { path: null, savedHash: '' };
  #document: string | null = null;
  #writing: Promise<unknown> = Promise.resolve(); // of the document and its pictures
  #saving: Promise<unknown> = Promise.resolve(); // of project files: slow, and what is drawn meanwhile does not wait

  // `folder` is this studio's own; what it holds from before is what was open.
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(this.#assets, { recursive: true });
    for (const place of [folder, this.#assets]) {
      // What a studio that was killed was writing.
      for (const name of readdirSync(place).filter((each) => isPart(each))) rmSync(join(place, name));
    }
    if (existsSync(this.#documentFile)) this.#document = readFileSync(this.#documentFile, 'utf8');
    // Pictures that were placed and taken back: with the history that led to them gone, nothing does.
    if (this.#document !== null) {
      const named = namedAssets(this.#document);
      for (const name of readdirSync(this.#assets)) if (!named.has(name)) rmSync(join(this.#assets, name));
    }
    try {
      this.#meta = meta.parse(JSON.parse(readFileSync(this.#metaFile, 'utf8')));
    } catch {
      // none yet, or unreadable: the document then counts as not saved
    }
  }

  get path(): string | null {
    return this.#meta.path;
  }

  state(): ProjectState {
    const name = this.#meta.path === null ? UNTITLED : parse(this.#meta.path).name;
    const saved = this.#document === null || hashOf(this.#document) === this.#meta.savedHash;
    return { name, saved };
  }

  async current(): Promise<OpenedProject> {
    await this.settled();
    const assets = [];
    for (const name of await readdir(this.#assets)) {
      if (!assetId.safeParse(name).success) continue;
      assets.push({ id: name, file: new Uint8Array(await readFile(join(this.#assets, name))) });
    }
    return { ...this.state(), document: this.#document, assets };
  }

  putAsset(id: string, file: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      if (hashOf(file) !== id) throw new Error(`the picture ${id} does not have this hash`);
      if (!existsSync(join(this.#assets, id))) {
        await writeWhole([{ path: join(this.#assets, id), content: file }]);
      }
    });
  }

  // Where only the newest of several waiting documents matters, the others are not written.
  async keep(document: string): Promise<ProjectState> {
    this.#document = document;
    await this.#inTurn(async () => {
      if (this.#document !== document) return;
      await writeWhole([{ path: this.#documentFile, content: Buffer.from(document) }]);
    });
    return this.state();
  }

  // A new project. The old one's work is let go: it was saved, or is not wanted.
  create(): Promise<OpenedProject> {
    return this.#alone(async () => {
      await this.#replace(null, { path: null, savedHash: '' }, []);
      return { ...this.state(), document: null, assets: [] };
    });
  }

  // What is open stays as it is when this rejects.
  open(path: string): Promise<OpenedProject> {
    return this.#alone(async () => {
      const found = await stat(path).catch((cause: unknown) => {
        throw unreadable(path, 'it does not exist', cause);
      });
      if (found.size > MAX_PROJECT_BYTES) throw unreadable(path, 'it is larger than 2 GiB');
      const files = await unpacked(await readFile(path), path);
      const text = files['sluice.json'];
      if (text === undefined) throw unreadable(path, 'it holds no sluice.json');
      const parsed = head.safeParse(this.#json(strFromU8(text), path));
      if (!parsed.success)
        throw unreadable(path, `its sluice.json is not as expected: ${z.prettifyError(parsed.error)}`);
      if (parsed.data.version > VERSION) {
        throw unreadable(
          path,
          `it has version ${parsed.data.version}, and this studio reads up to ${VERSION}`,
        );
      }
      const document = JSON.stringify(parsed.data.document);
      const assets = Object.entries(files)
        .filter(([name]) => name.startsWith('assets/') && !name.endsWith('/'))
        .map(([name, file]) => ({ id: parse(name).name, file: new Uint8Array(file) }));
      const damaged = assets.find(({ id, file }) => hashOf(file) !== id);
      if (damaged !== undefined) throw unreadable(path, `its picture ${damaged.id} is damaged`);
      const missing = [...namedAssets(document)].find((id) => !assets.some((asset) => asset.id === id));
      if (missing !== undefined) throw unreadable(path, `its picture ${missing} is missing`);
      await this.#replace(document, { path, savedHash: hashOf(document) }, assets);
      return { ...this.state(), document, assets };
    });
  }

  // Pictures never change, so the file is put together beside what is kept meanwhile.
  save(document: string, path: string): Promise<ProjectState> {
    const done = Promise.all([this.keep(document), this.#saving]).then(async () => {
      const content: unknown = {
        format: FORMAT,
        version: VERSION,
        document: JSON.parse(document) as unknown,
      };
      const files: AsyncZippable = { 'sluice.json': [strToU8(JSON.stringify(content)), { level: 6 }] };
      for (const id of namedAssets(document)) {
        files[`assets/${id}.png`] = new Uint8Array(await readFile(join(this.#assets, id)));
      }
      await writeWhole([{ path, content: await packed(files) }]);
      await this.#setMeta({ path, savedHash: hashOf(document) });
      return this.state();
    });
    this.#saving = done.catch(() => undefined);
    return done;
  }

  // Resolves when everything that was asked for is on the disk.
  async settled(): Promise<void> {
    await Promise.all([this.#writing, this.#saving]);
  }

  get #assets(): string {
    return join(this.#folder, 'assets');
  }
  get #documentFile(): string {
    return join(this.#folder, 'document.json');
  }
  get #metaFile(): string {
    return join(this.#folder, 'project.json');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  // While nothing is saved: pictures are taken away here.
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const saved = this.#saving;
    return this.#inTurn(async () => {
      await saved;
      return work();
    });
  }

  #json(text: string, path: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw unreadable(path, 'its sluice.json is no JSON', cause);
    }
  }

  async #setMeta(value: Meta): Promise<void> {
    this.#meta = value;
    await writeWhole([{ path: this.#metaFile, content: Buffer.from(JSON.stringify(value)) }]);
  }

  // New pictures first, the document next, old pictures last: at every moment the document has its pictures.
  async #replace(document: string | null, value: Meta, assets: OpenedProject['assets']): Promise<void> {
    const before = await readdir(this.#assets);
    for (const { id, file } of assets) {
      if (!before.includes(id)) await writeWhole([{ path: join(this.#assets, id), content: file }]);
    }
    this.#document = document;
    if (document === null) await rm(this.#documentFile, { force: true });
    else await writeWhole([{ path: this.#documentFile, content: Buffer.from(document) }]);
    await this.#setMeta(value);
    for (const name of before) {
      if (!assets.some(({ id }) => id === name)) await rm(join(this.#assets, name), { force: true });
    }
  }
}
