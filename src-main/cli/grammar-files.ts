// Grammars that commands are given: a file, whose ending tells its notation, or a name of the library's.
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { GrammarKind, LibraryGrammar } from '../../src-preload/contract/grammar.ts';
import { inputError, usageError } from './arguments.ts';
import { grammarLibrary, libraryGrammarText } from '../services/grammars.ts';

const kinds = new Map<string, GrammarKind>([
  ['.gbnf', 'gbnf'],
  ['.lark', 'lark'],
  ['.json', 'json-schema'],
]);

export interface GivenGrammar {
  kind: GrammarKind;
  text: string;
  library: LibraryGrammar | null;
}

export function readTextFile(what: string, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw inputError('file-missing', `the ${what} ${path} does not exist`, 'Check the path.');
    const reason = error instanceof Error ? error.message : String(error);
    throw inputError('file-unreadable', `the ${what} ${path} cannot be read as UTF-8 text: ${reason}`);
  }
}

// `hint`: what else there is to do about an ending that tells nothing.
export function readGrammarFile(path: string, hint = ''): GivenGrammar {
  const kind = kinds.get(extname(path).toLowerCase());
  if (kind === undefined) {
    throw usageError(
      `expected a .gbnf, .lark or .json file, found "${path}"`,
      `The ending tells the notation: llama.cpp, llguidance or JSON Schema.${hint}`,
    );
  }
  return { kind, text: readTextFile('grammar', path), library: null };
}

export function findGrammar(fileOrName: string): GivenGrammar {
  const library = grammarLibrary();
  const named = library.find(({ name }) => name === fileOrName);
  if (named !== undefined) return { kind: named.kind, text: libraryGrammarText(named), library: named };
  if (extname(fileOrName) !== '' || /[/\\]/.test(fileOrName)) return readGrammarFile(fileOrName);
  const names = library.map(({ name }) => name).join(', ');
  throw usageError(
    `there is no grammar "${fileOrName}"; there are ${names}`,
    'A file ends in .gbnf, .lark or .json.',
    'unknown-grammar',
  );
}
