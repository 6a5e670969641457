// Grammars as command line, server and window share them: one service, which keeps what it has compiled.
import { existsSync } from 'node:fs';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Grammars, LibraryGrammar } from '../../src-preload/contract/grammar.ts';
import { GrammarService } from '../grammar/index.ts';
import { readLibrary, readLibraryText } from '../grammar/library.ts';
import { addonPath, resourceDir } from '../library/paths.ts';

export function loadGrammars(): Grammars {
  const path = addonPath();
  if (!existsSync(path)) {
    throw new SluiceError(Status.internal, 'not-built', `${path} is missing`, 'Build it: npm run build');
  }
  return new GrammarService({ addonPath: path });
}

export const grammarLibrary = (): LibraryGrammar[] => readLibrary(resourceDir());

export const libraryGrammarText = (grammar: LibraryGrammar): string =>
  readLibraryText(resourceDir(), grammar);

let shared: Grammars | null = null;
export const sharedGrammars = (): Grammars => (shared ??= loadGrammars());
