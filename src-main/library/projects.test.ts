import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Projects } from './projects.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-projects-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const open = (name = 'work'): Projects => new Projects(at(name));
const file = Uint8Array.from([1, 2, 3, 4]);
const id = createHash('sha256').update(file).digest('hex');
const document = JSON.stringify({ canvas: { layers: [{ asset: id }] } });

async function saved(): Promise<string> {
  const projects = open();
  await projects.putAsset(id, file);
  await projects.save(document, at('a.sluice'));
  return at('a.sluice');
}

describe('Projects', () => {
  it('has what was open after a start without an end', async () => {
    const before = open();
    await before.putAsset(id, file);
    await before.keep('{"a":1}');
    void before.keep('{"a":2}');
    await before.keep(document);
    const now = await open().current();
    expect(now).toMatchObject({ name: 'Untitled', saved: false, document });
    expect(now.assets).toEqual([{ id, file }]);
    await open().keep('{"a":3}'); // a document that does not name the picture any more
    expect((await open().current()).assets).toEqual([]);
  });
  it('keeps what is drawn while a project file is written', async () => {
    const projects = open();
    const many = Array.from({ length: 8 }, (_, i) => new Uint8Array(1 << 20).fill(i));
    const ids = many.map((each) => createHash('sha256').update(each).digest('hex'));
    for (const [i, each] of many.entries()) await projects.putAsset(ids[i] ?? '', each);
    const large = JSON.stringify({ assets: ids });
    const order: string[] = [];
    const saving = projects.save(large, at('large.sluice')).then(() => order.push('saved'));
    await projects.keep(JSON.stringify({ assets: ids, more: 1 })).then(() => order.push('kept'));
    expect(readFileSync(at('work/document.json'), 'utf8')).toContain('"more":1');
    await saving;
    expect(order).toEqual(['kept', 'saved']);
    expect(projects.state()).toEqual({ name: 'large', saved: false }); // the file has what it was asked for
    expect((await open('other').open(at('large.sluice'))).document).toBe(large);
  });
  it('lets a project file be finished before another project takes its pictures away', async () => {
    const projects = open();
    await projects.putAsset(id, file);
    const saving = projects.save(document, at('a.sluice'));
    await projects.create();
    await saving;
    expect((await open('other').open(at('a.sluice'))).assets).toEqual([{ id, file }]);
    expect(readdirSync(at('work/assets'))).toEqual([]);
  });
  it('takes away what a killed studio was writing, and nothing else', async () => {
    await open().keep('{"a":1}');
    for (const name of ['.document.json.0123abcd.part', 'assets/.x.0123abcd.part']) {
      writeFileSync(at(`work/${name}`), 'half');
    }
    writeFileSync(at('work/notes.part'), 'mine');
    expect((await open().current()).document).toBe('{"a":1}');
    expect(readdirSync(at('work')).filter((name) => name.includes('.part'))).toEqual(['notes.part']);
    expect(readdirSync(at('work/assets'))).toEqual([]);
  });
  it('saves to a file that opens elsewhere', async () => {
    const path = await saved();
    expect(open().state()).toEqual({ name: 'a', saved: true });
    const other = open('other');
    const opened = await other.open(path);
    expect(opened).toMatchObject({ name: 'a', saved: true, document, assets: [{ id, file }] });
    await other.keep(document.replace('{', '{ '));
    expect(other.state().saved).toBe(false);
    expect((await open('other').current()).assets).toHaveLength(1);
  });
  it('begins anew, and leaves nothing of what was', async () => {
    await saved();
    const projects = open();
    expect(await projects.create()).toEqual({ name: 'Untitled', saved: true, document: null, assets: [] });
    expect(readdirSync(at('work/assets'))).toEqual([]);
  });
  it('refuses a picture that is not what it says', async () => {
    await expect(open().putAsset('0'.repeat(64), file)).rejects.toThrow(/hash/);
  });
  it('keeps what is open when another project cannot be opened', async () => {
    const path = await saved();
    const good = readFileSync(path);
    const cut = good.subarray(0, good.length - 40);
    const zipped = (files: Record<string, string>): Uint8Array =>
      zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
    const head = { format: 'sluice-project', version: 1, document: {} };
    const bad: [string, Uint8Array, RegExp][] = [
      ['no zip', strToU8('hello'), /cannot be opened/],
      ['cut short', cut, /cannot be opened/],
      ['empty', new Uint8Array(), /cannot be opened/],
      ['without a document', zipped({ 'assets/x': 'y' }), /sluice\.json/],
      ['no JSON', zipped({ 'sluice.json': '{' }), /JSON/],
      ['another format', zipped({ 'sluice.json': '{"format":"other"}' }), /format/],
      ['a later version', zipped({ 'sluice.json': JSON.stringify({ ...head, version: 9 }) }), /version 9/],
      [
        'a damaged picture',
        zipped({ 'sluice.json': JSON.stringify(head), [`assets/${id}.png`]: 'no' }),
        /damaged/,
      ],
      [
        'a missing picture',
        zipped({ 'sluice.json': JSON.stringify({ ...head, document: { asset: id } }) }),
        /missing/,
      ],
    ];
    const projects = open();
    for (const [what, content, message] of bad) {
      writeFileSync(at('bad.sluice'), content);
      await expect(projects.open(at('bad.sluice')), what).rejects.toMatchObject({
        status: 3,
        code: 'project-unreadable',
        message: expect.stringMatching(message) as string,
      });
    }
    await expect(projects.open(at('gone.sluice'))).rejects.toMatchObject({ code: 'project-unreadable' });
    expect((await projects.current()).document).toBe(document);
    expect(projects.state()).toEqual({ name: 'a', saved: true });
  });
  it('leaves the old file whole when a save fails', async () => {
    const path = await saved();
    const before = readFileSync(path);
    const projects = open();
    await expect(projects.save(JSON.stringify({ asset: 'f'.repeat(64) }), path)).rejects.toThrow();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['a.sluice', 'work']);
  });
});
