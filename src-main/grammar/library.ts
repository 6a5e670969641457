// The grammars of resources/grammars, and what becomes of their answers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type ChordSheet, parseChords } from '../../src-preload/contract/answers/chords.ts';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { libraryGrammar, type LibraryGrammar } from '../../src-preload/contract/grammar.ts';
import { answerSchemas } from './generate.ts';

const folderOf = (resourceDir: string): string => join(resourceDir, 'grammars');

// All of them, in the order in which they are offered.
export function readLibrary(resourceDir: string): LibraryGrammar[] {
  const path = join(folderOf(resourceDir), 'library.json');
  return z.array(libraryGrammar).parse(JSON.parse(readFileSync(path, 'utf8')));
}

export const readLibraryText = (resourceDir: string, grammar: LibraryGrammar): string =>
  readFileSync(join(folderOf(resourceDir), grammar.file), 'utf8');

export interface Answers extends Record<keyof typeof answerSchemas, unknown> {
  scene: z.infer<(typeof answerSchemas)['scene']>;
  'midi-seed': z.infer<(typeof answerSchemas)['midi-seed']>;
  palette: z.infer<(typeof answerSchemas)['palette']>;
  storyboard: z.infer<(typeof answerSchemas)['storyboard']>;
  'studio-actions': z.infer<(typeof answerSchemas)['studio-actions']>;
  chords: ChordSheet;
}

const isSchemaName = (name: keyof Answers): name is keyof typeof answerSchemas => name in answerSchemas;

// A whole answer as data. Throws SluiceError (3) for a text that is no answer under that grammar.
export function parseAnswer<Name extends keyof Answers>(name: Name, text: string): Answers[Name] {
  try {
    if (!isSchemaName(name)) return parseChords(text) as Answers[Name];
    return answerSchemas[name].parse(JSON.parse(text)) as Answers[Name];
  } catch (cause) {
    const why =
      cause instanceof z.ZodError
        ? z.prettifyError(cause)
        : cause instanceof Error
          ? cause.message
          : String(cause);
    throw new SluiceError(Status.input, 'answer-invalid', `this is no answer of "${name}": ${why}`, '', {
      cause,
    });
  }
}
