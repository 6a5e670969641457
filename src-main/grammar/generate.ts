// The library's JSON schemas, made from the contract's zod schemas: one definition for model, parser and tests.
// scripts/grammars/build.mjs writes them to resources/grammars; a unit test compares.
import { z } from 'zod';
import { studioActions } from '../../src-preload/contract/actions.ts';
import { parseChords } from '../../src-preload/contract/answers/chords.ts';
import { midiSeed } from '../../src-preload/contract/answers/midi-seed.ts';
import { palette } from '../../src-preload/contract/answers/palette.ts';
import { scene } from '../../src-preload/contract/answers/scene.ts';
import { storyboard } from '../../src-preload/contract/answers/storyboard.ts';

// Answers without needless blanks: one space at most, which models like to put after colons and commas.
const guidance = { whitespace_pattern: '[ ]' };

export const answerSchemas = {
  scene,
  'midi-seed': midiSeed,
  palette,
  storyboard,
  'studio-actions': studioActions,
} as const;

// File name to content.
export function generatedGrammars(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answerSchemas).map(([name, schema]) => {
      const text = JSON.stringify({ ...z.toJSONSchema(schema), 'x-guidance': guidance }, null, 1);
      return [`${name}.json`, `${text}\n`];
    }),
  );
}

// A finished answer to a grammar of the library as the studio reads it. Throws an Error that says what is wrong.
export function readAnswer(grammar: string, text: string): unknown {
  if (grammar === 'chords') return parseChords(text);
  const schema = Object.entries(answerSchemas).find(([name]) => name === grammar)?.[1];
  if (schema === undefined) throw new Error(`the library has no grammar "${grammar}"`);
  return schema.parse(JSON.parse(text));
}
