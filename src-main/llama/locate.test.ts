import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { candidates, type Places } from './locate.ts';

let folder: string;
let places: Places;

const program = (...parts: string[]): string => {
  const path = join(folder, ...parts);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-locate-'));
  const cacheDir = join(folder, 'cache');
  places = { setting: null, packaged: join(folder, 'packaged', 'llama-server'), path: '', cacheDir };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('nothing is found where there is nothing', () => {
  expect(candidates(places)).toEqual([]);
});

it('looks beside the program, then on the PATH, then at what set-up brought', () => {
  const packaged = program('packaged', 'llama-server');
  const onPath = program('bin', 'llama-server');
  const built = program('cache', 'llama-server', 'abc', 'llama-server');
  writeFileSync(join(folder, 'cache', 'llama-server', 'current.json'), JSON.stringify({ path: built }));
  const path = `${join(folder, 'nowhere')}:${join(folder, 'bin')}`;
  expect(candidates({ ...places, path })).toEqual([
    { path: packaged, origin: 'packaged' },
    { path: onPath, origin: 'path' },
    { path: built, origin: 'set-up' },
  ]);
  rmSync(packaged);
  rmSync(built);
  expect(candidates({ ...places, path })).toEqual([{ path: onPath, origin: 'path' }]);
});

it('what a person names stands alone, even where it is missing', () => {
  program('packaged', 'llama-server');
  const setting = join(folder, 'mine');
  expect(candidates({ ...places, setting })).toEqual([{ path: setting, origin: 'setting' }]);
});
