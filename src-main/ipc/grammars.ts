import { join } from 'node:path';
import { z } from 'zod';
import type { Grammars } from '../../src-preload/contract/grammar.ts';
import { grammars, type OfferedGrammar, ownGrammar } from '../../src-preload/contract/grammars.ts';
import { readLibrary, readLibraryText } from '../grammar/library.ts';
import { SettingsFile } from '../library/settings.ts';
import type { IpcBridge } from './bridge.ts';

export interface GrammarServices {
  grammars(): Grammars;
  resourceDir: string;
  state: string; // the folder where a person's own grammars are kept
}

export function serveGrammarsDomain(bridge: IpcBridge, services: GrammarServices): void {
  const own = new SettingsFile(join(services.state, 'grammars.json'), z.array(ownGrammar), []);
  const others = (name: string) => own.value.filter((grammar) => grammar.name !== name);
  const offered = (): OfferedGrammar[] => [
    ...readLibrary(services.resourceDir).map((grammar) => ({
      ...grammar,
      text: readLibraryText(services.resourceDir, grammar),
      own: false,
    })),
    ...own.value.map((grammar) => ({ ...grammar, description: '', system: '', own: true })),
  ];
  bridge.serve('grammars', grammars, {
    offered,
    check: async ({ kind, text, examples }) => {
      const compiled = await services.grammars().compile(kind, text);
      if (!compiled.ok) return { ok: false, problems: compiled.problems, explanation: null };
      const { grammar } = compiled;
      return { ok: true, problems: [...grammar.warnings], explanation: await grammar.explain({ examples }) };
    },
    judge: async ({ kind, text, answer }) => {
      const compiled = await services.grammars().compile(kind, text);
      return compiled.ok ? compiled.grammar.accepts(answer) : null;
    },
    save: async (grammar) => {
      await own.set([...others(grammar.name), grammar]);
      return undefined;
    },
    remove: async (name) => {
      await own.set(others(name));
      return undefined;
    },
  });
}
