import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { studioAction, vocabulary } from '../../src-preload/contract/actions.ts';
import type { Grammar } from '../../src-preload/contract/grammar.ts';
import { addonPath, resourceDir } from '../library/paths.ts';
import { generatedGrammars } from './generate.ts';
import { GrammarService } from './index.ts';
import { type Answers, parseAnswer, readLibrary, readLibraryText } from './library.ts';

const service = new GrammarService({ addonPath: addonPath() });
const library = readLibrary(resourceDir());

async function compiled(name: string): Promise<Grammar> {
  const found = library.find((grammar) => grammar.name === name);
  if (found === undefined) throw new Error(`no grammar ${name}`);
  const made = await service.compile(found.kind, readLibraryText(resourceDir(), found));
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.grammar;
}

const shape = '{"shape":"ellipse","x":500,"y":300,"width":200,"height":200,"colour":"#ff0000"}';
const note = '{"at":0,"length":4,"pitch":60,"velocity":90}';

// Accepted texts, and refused ones, where '¦' stands before the first character that does not fit.
const cases: Record<keyof Answers, { accepted: string[]; refused: string[] }> = {
  scene: {
    accepted: [
      `{"prompt":"a red sun","negative":"","shapes":[${shape}],"strokes":[],"figures":[]}`,
      '{"prompt": "é", "negative": "blur", "shapes": [], "strokes": [{"colour": "#00ff00", "width": 3, "points": [{"x": 0, "y": 0}, {"x": 1000, "y": 9}]}], "figures": [{"joints": [{"joint": "nose", "x": 5, "y": 6}]}]}',
    ],
    refused: [
      '{"prompt":"¦"}',
      '{"prompt":"a","negative":"","shapes":[{"shape":"ellipse","x":500¦.5}]}',
      '{"prompt":"a","negative":"","shapes":[{"shape":"ellipse","x":100¦1}]}',
      '{"prompt":"a","negative":"","shapes":[{"shape":"¦circle"}]}',
      '{"¦negative":""}',
    ],
  },
  'midi-seed': {
    accepted: [
      `{"tempo":96,"key":"A minor","beats":3,"tracks":[{"instrument":0,"drums":false,"notes":[${note}]}]}`,
    ],
    refused: [
      '{"tempo":29¦,"key"',
      '{"tempo":96,"key":"A mi¦xolydian"',
      '{"tempo":96,"key":"A minor","beats":4,"tracks":[¦]}',
      '{"tempo":96,"key":"A minor","beats":4,"tracks":[{"instrument":12¦8}]}',
    ],
  },
  palette: {
    accepted: [
      `{"name":"Harbour","colours":[${['a', 'b', 'c'].map((name) => `{"name":"${name}","colour":"#0a0b0c","role":"accent"}`).join(',')}]}`,
    ],
    refused: [
      '{"name":"x","colours":[{"name":"a","colour":"#¦GG0000"}]}',
      '{"name":"x","colours":[{"name":"a","colour":"#000000","role":"accent"}¦]}',
    ],
  },
  storyboard: {
    accepted: [
      '{"title":"Fox","panels":[{"shot":"wide","caption":"Snow.","prompt":"a fox in snow","negative":"","seconds":4}]}',
    ],
    refused: ['{"title":"Fox","panels":[{"shot":"wi¦ld"}]}', '{"title":"Fox","panels":[¦]}'],
  },
  chords: {
    accepted: ['Key: D minor\nTempo: 72\n| Dm | Bb F | C7/E | Am7 |\n| Gm6 |\n'],
    refused: ['Key: ¦H major\n', 'Key: C major\nTempo: ¦30\n', 'Key: C major\nTempo: 90\n| C | ¦H |\n'],
  },
  'studio-actions': {
    accepted: [
      '{"say":"Done.","actions":[]}',
      `{"say":"A sun.","actions":[{"action":"add-shape","shape":${shape}},{"action":"set-prompt","prompt":"sun","negative":""},{"action":"paint","steps":20,"count":1}]}`,
      `{"say":"Music.","actions":[{"action":"add-track","instrument":0,"drums":false,"notes":[${note}]},{"action":"transpose","semitones":-12},{"action":"undo"}]}`,
    ],
    refused: [
      '{"say":"x","actions":[{"action":"¦format-disk"}]}',
      '{"say":"x","actions":[{"action":"paint","steps":6¦1}]}',
      '{"say":"x","actions":[{"action":"transpose","semitones":-2¦5}]}',
    ],
  },
};

describe('the grammar library', () => {
  it('holds what the contract generates', () => {
    for (const [file, text] of Object.entries(generatedGrammars())) {
      const committed = readFileSync(join(resourceDir(), 'grammars', file), 'utf8');
      expect(committed === text, `${file} is stale: node scripts/grammars/build.mjs`).toBe(true);
    }
  });

  it('has a case for every grammar', () => {
    expect(library.map(({ name }) => name).sort()).toEqual(Object.keys(cases).sort());
  });

  it.each(Object.keys(cases) as (keyof Answers)[])('accepts and refuses under %s', async (name) => {
    const grammar = await compiled(name);
    expect(grammar.warnings).toEqual([]);
    for (const text of cases[name].accepted) {
      expect(await grammar.accepts(text), text).toMatchObject({ ok: true, complete: true });
      parseAnswer(name, text);
      // Whatever is cut off is the beginning of an answer, and none.
      for (let length = 0; length < text.trimEnd().length; length += 7) {
        const verdict = await grammar.accepts(text.slice(0, length));
        expect(verdict, text.slice(0, length)).toMatchObject({ ok: true, position: length });
        if (name !== 'chords') expect(verdict.complete).toBe(false);
      }
    }
    for (const marked of cases[name].refused) {
      const at = marked.indexOf('¦');
      const text = marked.slice(0, at) + marked.slice(at + 1);
      expect(await grammar.accepts(text), marked).toMatchObject({ ok: false, complete: false, position: at });
    }
  });

  it.each(Object.keys(cases) as (keyof Answers)[])('parses every example of %s', async (name) => {
    const { examples } = await (await compiled(name)).explain({ examples: 20, seed: 3 });
    expect(examples.length).toBeGreaterThan(5);
    for (const example of examples) parseAnswer(name, example);
  });

  it('names what is wrong with an answer', () => {
    expect(() => parseAnswer('palette', '{"name":"x","colours":[]}')).toThrow(/palette.*colours/s);
    expect(() => parseAnswer('palette', 'x')).toThrow(/palette/);
    expect(() => parseAnswer('chords', 'Key: C major\nTempo: 90\nC')).toThrow(/bars/);
  });

  it('reads chords as notes', () => {
    const sheet = parseAnswer('chords', 'Key: D minor\nTempo: 72\n| Dm C7/E |\n');
    expect(sheet).toMatchObject({ key: 'D minor', tempo: 72 });
    expect(sheet.bars).toEqual([
      [
        { name: 'Dm', beats: 2, pitches: [38, 50, 53, 57] },
        { name: 'C7/E', beats: 2, pitches: [40, 48, 52, 55, 58] },
      ],
    ]);
  });

  it('offers every action of the vocabulary, and no other', async () => {
    const grammar = await compiled('studio-actions');
    const offered = await grammar.accepts('{"say":"x","actions":[{"action":"');
    expect(offered.complete).toBe(false);
    for (const { name } of vocabulary) {
      const verdict = await grammar.accepts(`{"say":"x","actions":[{"action":"${name}"`);
      expect(verdict.ok, name).toBe(true);
    }
    expect(studioAction.options.map(({ shape: { action } }) => action.value)).toEqual(
      vocabulary.map(({ name }) => name),
    );
  });
});
