import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { findModels, nativeSize, resolveControl, resolveModel } from './models.ts';

let root = '';
const at = (...parts: string[]) => join(root, ...parts);
function put(path: string, content: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-models-'));
  put('embedded/demo/model_index.json', '{"_class_name":"StableDiffusionPipeline"}');
  put('embedded/demo/unet/config.json', '{"sample_size":32}');
  put('embedded/demo/unet/model.safetensors', '12345');
  put('embedded/demo/README.md', '---\nlicense: mit\n---\n# Demo');
  put('embedded/controlnet-scribble/config.json', '{"_class_name":"ControlNetModel"}');
  put('embedded/controlnet-scribble/LICENSE', '\nMIT License\n');
  put('user/mine.safetensors', '123');
  put('user/notes.txt', 'no model');
  put('user/group/vae/config.json', '{"_class_name":"AutoencoderKL"}');
  put('user/broken/config.json', '{');
});
afterAll(() => rmSync(root, { recursive: true }));

const found = () => findModels({ embedded: at('embedded'), user: [at('user'), at('nowhere')] });

describe('findModels', () => {
  it('finds folders and files, and nothing else', () => {
    expect(found().map(({ name, kind, source }) => [name, kind, source])).toEqual([
      ['controlnet-scribble', 'controlnet', 'embedded'],
      ['demo', 'pipeline', 'embedded'],
      ['vae', 'vae', 'user'],
      ['mine', 'file', 'user'],
    ]);
  });

  it('tells size and licence', () => {
    const byName = new Map(found().map((model) => [model.name, model]));
    expect(byName.get('demo')).toMatchObject({ bytes: 5, licence: 'mit' });
    expect(byName.get('controlnet-scribble')?.licence).toBe('MIT License');
    expect(byName.get('mine')).toMatchObject({ bytes: 3, licence: null });
  });
});

describe('resolveModel', () => {
  it('takes the embedded pipeline by default', () => {
    expect(resolveModel(null, found())).toBe(at('embedded/demo'));
    expect(() => resolveModel(null, [])).toThrow(
      expect.objectContaining({ code: 'no-embedded-model' }) as Error,
    );
  });
  it('knows names and paths', () => {
    expect(resolveModel('mine', found())).toBe(at('user/mine.safetensors'));
    expect(resolveModel(at('user/mine.safetensors'), [])).toBe(at('user/mine.safetensors'));
  });
  it('calls an unknown name wrong usage and lists the known, a missing path bad input', () => {
    expect(() => resolveModel('other', found())).toThrow(
      expect.objectContaining({
        status: Status.usage,
        message: expect.stringContaining('demo, mine') as unknown,
      }) as Error,
    );
    for (const path of ['./other', 'other.safetensors', '/nowhere/other']) {
      expect(() => resolveModel(path, found())).toThrow(
        expect.objectContaining({ status: Status.input }) as Error,
      );
    }
  });
  it('never takes a ControlNet for a pipeline by name', () => {
    expect(() => resolveModel('controlnet-scribble', found())).toThrow(/no model named/);
  });
});

describe('resolveControl', () => {
  it('takes the embedded one of that kind, or the given path', () => {
    expect(resolveControl('scribble', null, found())).toBe(at('embedded/controlnet-scribble'));
    expect(resolveControl('anything', at('user/mine.safetensors'), [])).toBe(at('user/mine.safetensors'));
  });
  it('lists the kinds that are there', () => {
    expect(() => resolveControl('depth', null, found())).toThrow(
      expect.objectContaining({
        status: Status.usage,
        message: expect.stringContaining('scribble') as unknown,
      }) as Error,
    );
  });
});

it('reads the size that a model was made for', () => {
  expect(nativeSize(at('embedded/demo'))).toBe(256);
  expect(nativeSize(at('user/mine.safetensors'))).toBe(512);
});
