import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32 } from '../library/crc32.ts';
import { encodePlainPng } from '../library/plain-png.ts';
import { addPngTexts, type PngText } from '../library/png.ts';
import { Gallery } from './gallery.ts';
import { madeFromTexts } from './made-from.ts';
import { readPngHead } from './png-head.ts';
import { moveToTrash } from './trash.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-gallery-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const png = (shade: number, texts: readonly PngText[] = [], width = 16): Buffer =>
  addPngTexts(encodePlainPng({ width, height: 8, pixels: new Uint8Array(width * 8 * 3).fill(shade) }), texts);

const ours = (fields: object): PngText => ({
  keyword: 'sluice',
  text: JSON.stringify({ sluice: 1, prompt: 'a boat', negative: '', seed: 4, ...fields }),
});

describe('what a picture was made from', () => {
  it('is read from our own text, with what steered it', () => {
    const image = `${'a'.repeat(64)}.png`;
    const control = { kind: 'scribble', image, strength: 0.8, start: 0, end: 0.5 };
    const from = madeFromTexts(
      [ours({ steps: 12, model: 'icons-256', init: null, strength: 0.7, controls: [control] })],
      (name) => `app://x/${name}`,
    );
    expect(from).toMatchObject({ by: 'sluice', prompt: 'a boat', seed: 4, steps: 12, strength: null });
    expect(from?.controls).toEqual([
      { kind: 'scribble', strength: 0.8, start: 0, end: 0.5, url: `app://x/${image}` },
    ]);
  });

  it('keeps weights, and brackets that a literal prompt had as brackets', () => {
    const prompt = (fields: object) =>
      madeFromTexts([ours({ prompt: 'a (red:1.2) hat', ...fields })])?.prompt;
    expect(prompt({ promptSyntax: 'a1111' })).toBe('a (red:1.2) hat');
    expect(prompt({ promptSyntax: 'literal' })).toBe('a \\(red:1.2\\) hat');
    expect(prompt({})).toBe('a \\(red:1.2\\) hat'); // a picture from before there were weights
  });

  it("is read from A1111's parameters, old and new", () => {
    const text = [
      'a boat, (red:1.2)',
      'on a lake',
      'Negative prompt: people',
      'Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 123, Size: 512x768, Model: dream, ' +
        'ControlNet 0: "Module: none, Model: x [canny], Weight: 0.5, Guidance Start: 0.1, Guidance End: 0.9", Version: v1.6',
    ].join('\n');
    expect(madeFromTexts([{ keyword: 'parameters', text }])).toEqual({
      by: 'a1111',
      prompt: 'a boat, (red:1.2)\non a lake',
      negative: 'people',
      model: 'dream',
      steps: 20,
      cfg: 6.5,
      sampler: 'dpmpp_2m',
      schedule: 'karras',
      seed: 123,
      strength: null,
      controls: [{ kind: 'canny', strength: 0.5, start: 0.1, end: 0.9, url: null }],
    });
    const now = 'a boat\nSteps: 8, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1';
    expect(madeFromTexts([{ keyword: 'parameters', text: now }])).toMatchObject({
      sampler: 'euler_a',
      schedule: 'normal',
    });
  });

  it("is read from InvokeAI's and ComfyUI's", () => {
    const invoke = {
      positive_prompt: 'a tree',
      negative_prompt: 'fog',
      seed: 9,
      cfg_scale: 5,
      model: { name: 'm' },
    };
    expect(madeFromTexts([{ keyword: 'invokeai_metadata', text: JSON.stringify(invoke) }])).toMatchObject({
      by: 'invokeai',
      prompt: 'a tree',
      negative: 'fog',
      model: 'm',
      seed: 9,
      cfg: 5,
    });
    const graph = {
      3: {
        class_type: 'KSampler',
        inputs: {
          seed: 7,
          steps: 25,
          cfg: 8,
          sampler_name: 'euler_ancestral',
          scheduler: 'karras',
          positive: ['9', 0],
          negative: ['7', 0],
        },
      },
      4: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd/dream.safetensors' } },
      6: { class_type: 'CLIPTextEncode', inputs: { text: 'a house', clip: ['4', 1] } },
      7: { class_type: 'CLIPTextEncode', inputs: { text: 'rain', clip: ['4', 1] } },
      9: { class_type: 'ControlNetApply', inputs: { conditioning: ['6', 0] } },
    };
    expect(madeFromTexts([{ keyword: 'prompt', text: JSON.stringify(graph) }])).toMatchObject({
      by: 'comfyui',
      prompt: 'a house',
      negative: 'rain',
      model: 'dream',
      steps: 25,
      sampler: 'euler_a',
      schedule: 'karras',
      seed: 7,
    });
  });

  it('is nothing where the texts are of another kind, or broken', () => {
    for (const text of ['', '{', '[]', '{"sluice":2}', 'Steps']) {
      for (const keyword of ['sluice', 'parameters', 'invokeai_metadata', 'prompt'])
        expect(madeFromTexts([{ keyword, text }])).toBeNull();
    }
    const loop = {
      1: { class_type: 'KSampler', inputs: { positive: ['2', 0] } },
      2: { class_type: 'x', inputs: { conditioning: ['2', 0] } },
    };
    expect(madeFromTexts([{ keyword: 'prompt', text: JSON.stringify(loop) }])).toMatchObject({ prompt: '' });
    expect(madeFromTexts([ours({ seed: -1, steps: 'many', cfg: null })])).toMatchObject({
      seed: null,
      steps: null,
      cfg: null,
    });
  });
});

describe('the head of a PNG file', () => {
  it('has the size and the texts, compressed ones and long ones too', async () => {
    const zipped = (type: string, body: Buffer): Buffer => {
      const chunk = Buffer.alloc(12 + body.length);
      chunk.writeUInt32BE(body.length, 0);
      chunk.write(type, 4, 'latin1');
      body.copy(chunk, 8);
      chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + body.length)), 8 + body.length);
      return chunk;
    };
    const plain = png(10, [{ keyword: 'workflow', text: 'x'.repeat(300_000) }]);
    const file = Buffer.concat([
      plain.subarray(0, 33),
      zipped('zTXt', Buffer.concat([Buffer.from('a\0\0'), deflateSync('zipped')])),
      zipped('iTXt', Buffer.concat([Buffer.from('b\0\x01\0\0\0'), deflateSync('猫')])),
      zipped('zTXt', Buffer.from('damaged\0\0nothing')),
      plain.subarray(33),
    ]);
    const path = join(folder, 'a.png');
    writeFileSync(path, file);
    const head = await readPngHead(path);
    expect(head).toMatchObject({ width: 16, height: 8 });
    expect(head?.texts.map(({ keyword, text }) => [keyword, text.length])).toEqual([
      ['a', 6],
      ['b', 1],
      ['workflow', 300_000],
    ]);
  });

  it('is null for what is no PNG picture', async () => {
    const path = join(folder, 'a.png');
    for (const content of [Buffer.from('words'), png(1).subarray(0, 40), Buffer.alloc(100)]) {
      writeFileSync(path, content);
      expect(await readPngHead(path)).toBeNull();
    }
  });
});

describe('a gallery', () => {
  const pictures = (): string => join(folder, 'pictures');
  const open = (): Gallery =>
    new Gallery({
      folder: pictures(),
      stars: join(folder, 'stars.json'),
      boards: join(folder, 'boards.json'),
      url: (file) => `app://g/${file}`,
    });
  const put = (name: string, content: Buffer, age: number): void => {
    mkdirSync(pictures(), { recursive: true });
    writeFileSync(join(pictures(), name), content);
    const at = Date.now() / 1000 - age;
    utimesSync(join(pictures(), name), at, at);
  };

  it('lists pictures by age, page by page, and nothing else', async () => {
    put('old.png', png(1), 30);
    put('new.png', png(2, [ours({})]), 10);
    put('middle.png', png(3), 20);
    put('words.png', Buffer.from('no picture'), 5);
    put('notes.txt', Buffer.from('x'), 1);
    const gallery = open();
    const first = await gallery.page(0, 2);
    const second = await gallery.page(2, 2);
    const ids = [...first.pictures, ...second.pictures].map(({ id }) => id);
    expect(ids).toEqual(['new.png', 'middle.png', 'old.png']);
    expect(first.pictures[0]).toMatchObject({
      width: 16,
      height: 8,
      url: 'app://g/new.png',
      from: { prompt: 'a boat' },
    });
  });

  it('brings a picture in once, byte for byte', async () => {
    const gallery = open();
    const file = png(7, [ours({})]);
    const brought = await gallery.bring('bo/at.png', file);
    expect(readFileSync(gallery.path(brought.id)).equals(file)).toBe(true);
    expect((await gallery.bring('again.png', file)).id).toBe(brought.id);
    expect((await gallery.page(0, 10)).total).toBe(1);
    await expect(gallery.bring('x.png', Buffer.from('no picture'))).rejects.toThrow('x.png is no PNG file');
  });

  it('keeps stars over restarts and forgets them with their picture', async () => {
    put('a.png', png(1), 1);
    await open().star('a.png', true);
    const gallery = open();
    await gallery.board('a.png', 'Boats');
    expect((await gallery.read('a.png'))?.starred).toBe(true);
    expect((await open().read('a.png'))?.board).toBe('Boats');
    const gone: string[] = [];
    await gallery.trash('a.png', (path) => {
      gone.push(path);
      rmSync(path);
      return Promise.resolve();
    });
    expect(gone).toEqual([join(pictures(), 'a.png')]);
    put('a.png', png(1), 1);
    expect((await open().read('a.png'))?.starred).toBe(false);
    expect((await open().read('a.png'))?.board).toBe(null);
  });

  it('knows no path but of its own pictures', () => {
    const gallery = open();
    for (const id of ['../stars.json', 'a/b.png', '.png', '/etc/passwd', 'a.jpg'])
      expect(() => gallery.path(id)).toThrow();
    expect(() => gallery.path('missing.png')).toThrow('is not there any more');
  });
});

describe('the trash', () => {
  it('takes files of one name and says where each was', async () => {
    const path = join(folder, 'a boat.png');
    for (const content of ['one', 'two']) {
      writeFileSync(path, content);
      await moveToTrash(path, join(folder, 'data'));
    }
    const at = (...parts: string[]): string => join(folder, 'data', 'Trash', ...parts);
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(at('files', 'a boat.png'), 'utf8')).toBe('one');
    expect(readFileSync(at('files', 'a boat.2.png'), 'utf8')).toBe('two');
    const note = readFileSync(at('info', 'a boat.2.png.trashinfo'), 'utf8');
    expect(note).toMatch(
      /^\[Trash Info\]\nPath=.*\/a%20boat\.png\nDeletionDate=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\n$/,
    );
    expect(statSync(at('info')).mode & 0o777).toBe(0o700);
  });
  it('leaves no note of a file that is not there', async () => {
    await expect(moveToTrash(join(folder, 'gone.png'), folder)).rejects.toThrow('ENOENT');
    expect(existsSync(join(folder, 'Trash', 'info', 'gone.png.trashinfo'))).toBe(false);
  });
});
