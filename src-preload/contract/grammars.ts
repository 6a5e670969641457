// Grammars as the window sees them: the library, a person's own, and our compiler as it judges them.
import { z } from 'zod';
import { explanation, grammarKind, grammarProblem, libraryGrammar, verdict } from './grammar.ts';
import { call, nothing } from './ipc.ts';

export const MAX_GRAMMAR_CHARS = 1_000_000;
const source = z.object({ kind: grammarKind, text: z.string().max(MAX_GRAMMAR_CHARS) });

// One that was written in the studio.
export const ownGrammar = source.extend({
  name: z.string().regex(/^own-[a-z0-9-]+$/),
  title: z.string().min(1).max(80),
  prompt: z.string().max(2000), // to try it with
});
export type OwnGrammar = z.infer<typeof ownGrammar>;

export const offeredGrammar = libraryGrammar
  .pick({ title: true, description: true, prompt: true, system: true, kind: true })
  .extend({
    name: z.string(),
    description: z.string(),
    prompt: z.string(),
    text: z.string(),
    own: z.boolean(),
  });
export type OfferedGrammar = z.infer<typeof offeredGrammar>;

export const grammarReport = z.object({
  ok: z.boolean(),
  problems: z.array(grammarProblem), // errors when not ok, else what is not enforced
  explanation: explanation.nullable(),
});
export type GrammarReport = z.infer<typeof grammarReport>;

export const grammars = {
  offered: call(nothing, z.array(offeredGrammar)),
  check: call(source.extend({ examples: z.number().int().min(0).max(20) }), grammarReport),
  // Null for a grammar that cannot be compiled.
  judge: call(source.extend({ answer: z.string().max(MAX_GRAMMAR_CHARS) }), verdict.nullable()),
  save: call(ownGrammar, nothing), // in place of one with the same name
  remove: call(z.string(), nothing),
};
