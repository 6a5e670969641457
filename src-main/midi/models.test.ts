import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findMidiModels, resolveMidiModel } from './models.ts';

let place = '';

function model(...path: string[]): string {
  const folder = join(place, ...path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), '{"net_config":{},"net_token_config":{}}');
  return folder;
}

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'sluice-midi-models-'));
  model('embedded', 'midi-small');
  mkdirSync(join(place, 'embedded', 'sluice-mini'));
  writeFileSync(join(place, 'embedded', 'sluice-mini', 'config.json'), '{"_class_name":"AutoencoderKL"}');
  model('user', 'big');
  model('user', 'midi-small');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('MIDI models', () => {
  const found = () =>
    findMidiModels({ embedded: join(place, 'embedded'), user: [join(place, 'user'), join(place, 'none')] });

  it('are folders whose configuration has both nets', () => {
    expect(found().map(({ name, source }) => `${source} ${name}`)).toEqual([
      'embedded midi-small',
      'user big',
      'user midi-small',
    ]);
  });

  it('are the embedded one by default, also where the user has one of that name', () => {
    expect(resolveMidiModel(null, found())).toBe(join(place, 'embedded', 'midi-small'));
    expect(resolveMidiModel('midi-small', found())).toBe(join(place, 'embedded', 'midi-small'));
    expect(resolveMidiModel('big', found())).toBe(join(place, 'user', 'big'));
    expect(resolveMidiModel(join(place, 'user', 'big'), found())).toBe(join(place, 'user', 'big'));
  });

  it('are told by name where there is none', () => {
    expect(() => resolveMidiModel('other', found())).toThrow(/no MIDI model "other"/);
    expect(() => resolveMidiModel(join(place, 'gone'), found())).toThrow(/does not exist/);
    expect(() => resolveMidiModel(null, [])).toThrow(/no embedded MIDI model/);
  });
});
