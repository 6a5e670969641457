// A grammar as it is being edited. One of the library's that was changed is saved as the person's own.
import type { GrammarKind } from '../../src-preload/contract/grammar.ts';
import type { OfferedGrammar } from '../../src-preload/contract/grammars.ts';
import { studio } from '../app/studio.ts';
import { newId } from '../core/ids.ts';
import { refreshGrammars } from './queries.ts';

export interface Draft {
  readonly id: string; // of the editing, so that the editor begins anew
  readonly name: string; // of what is edited; '' for a new one
  readonly title: string;
  readonly kind: GrammarKind;
  readonly text: string;
  readonly prompt: string;
  readonly own: boolean;
  readonly changed: boolean;
}

const beginning = '# An answer is one of two words.\nroot ::= "yes" | "no"\n';

export const emptyDraft = (): Draft => ({
  id: newId(),
  name: '',
  title: '',
  kind: 'gbnf',
  text: beginning,
  prompt: 'Is the sea salty?',
  own: true,
  changed: false,
});

export const draftOf = ({ name, title, kind, text, prompt, own }: OfferedGrammar): Draft => ({
  id: newId(),
  name,
  title,
  kind,
  text: kind === 'json-schema' ? readable(text) : text,
  prompt,
  own,
  changed: false,
});

// Two blanks an indentation; nothing is changed but blanks.
function readable(text: string): string {
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return text;
  }
}

// Returns the name that it has from now on.
export async function saveDraft({ name, title, kind, text, prompt, own }: Draft): Promise<string> {
  const saved = own && name !== '' ? name : `own-${newId()}`;
  await studio.grammars.save({ name: saved, title: title.trim(), kind, text, prompt });
  await refreshGrammars();
  return saved;
}

export async function removeOwn(name: string): Promise<void> {
  await studio.grammars.remove(name);
  await refreshGrammars();
}
