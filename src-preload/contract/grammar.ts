// Grammars that constrain a language model's answers, as data and as an interface. What compiles them is
// src-main/grammar; who sends them to a server, shows them or tests against them sees only this.
import { z } from 'zod';

// gbnf: llama.cpp's notation; lark: llguidance's variant of Lark; json-schema: drafts 4 to 2020-12, as JSON text.
export const grammarKind = z.enum(['gbnf', 'lark', 'json-schema']);
export type GrammarKind = z.infer<typeof grammarKind>;

// What is wrong with a grammar, or what of it is not enforced. `line` and `column` count from 1, columns in UTF-16
// units as editors do; both are 0 where no place can be told. `message` is a sentence.
export const grammarProblem = z.object({
  code: z.enum(['syntax', 'unsupported-keyword', 'invalid', 'too-large', 'unsatisfiable', 'internal']),
  line: z.number().int().nonnegative(),
  column: z.number().int().nonnegative(),
  message: z.string().min(1),
  keyword: z.string().optional(), // the JSON Schema keyword that cannot be enforced
});
export type GrammarProblem = z.infer<typeof grammarProblem>;

// How far a text follows a grammar. `ok`: all of it may begin an answer. `complete`: it is a whole answer, which is
// what makes an answer valid. `position`: UTF-16 units that fit, equal to the text's length when ok.
export const verdict = z.object({
  ok: z.boolean(),
  complete: z.boolean(),
  position: z.number().int().nonnegative(),
  line: z.number().int().positive(),
  column: z.number().int().positive(),
  // What could come at `position`, for people: '"', 'a to z', 'the end'.
  expected: z.array(z.string()),
});
export type Verdict = z.infer<typeof verdict>;

export const explanation = z.object({
  kind: grammarKind,
  bytes: z.number().int().nonnegative(), // of the source, UTF-8
  rules: z.number().int().nonnegative(), // productions after translation
  lexemes: z.number().int().nonnegative(),
  examples: z.array(z.string()), // every one is accepted; shortest ones first, random ones after
  seconds: z.number().nonnegative(), // that compiling took
});
export type Explanation = z.infer<typeof explanation>;

// What goes into the `grammar` field of a request to llama-server.
export interface ServerGrammar {
  grammar: string;
  needsLlguidance: boolean; // begins with %llguidance: a server without it must never get this
}

// Follows an answer as it comes. Not to be used after close().
export interface GrammarMatcher {
  // Takes the next piece; the verdict is on everything since the start, and `expected` is empty while all is well.
  // After a piece that does not fit, further pieces change nothing.
  push(piece: string): Verdict;
  reset(): void;
  close(): void;
}

// A compiled grammar: immutable, shared between any number of requests. Native memory is freed when it is
// garbage-collected.
export interface Grammar {
  readonly kind: GrammarKind;
  readonly text: string;
  // What of a schema is not enforced: under `lenient`, and keywords that JSON Schema does not define.
  readonly warnings: readonly GrammarProblem[];
  // Null where a server without llguidance cannot enforce this grammar: Lark, and JSON schemas that ask for more than
  // GBNF can say. GBNF stays GBNF, which llama.cpp's own engine follows exactly; other schemas become GBNF for it.
  toServer(capabilities: { llguidance: boolean }): ServerGrammar | null;
  // What of it needs llguidance, as the end of a sentence; null where nothing does.
  readonly onlyLlguidance: string | null;
  // Judges a whole text off the event loop.
  accepts(text: string): Promise<Verdict>;
  matcher(): GrammarMatcher;
  // `examples`: how many at most; the same `seed` gives the same ones.
  explain(options?: { examples?: number; seed?: number }): Promise<Explanation>;
  // Free text up to and including `marker`, then this grammar. `answerOf` gives the part after it.
  lazy(marker: string): Promise<Grammar>;
  // For a lazy grammar the text after its marker (null while the marker has not come), else the text itself.
  answerOf(text: string): string | null;
}

export type Compiled = { ok: true; grammar: Grammar } | { ok: false; problems: GrammarProblem[] };

export interface CompileOptions {
  lenient?: boolean; // keywords that cannot be enforced become warnings
}

export interface Grammars {
  // Never throws for a bad grammar: that is `ok: false` with at least one problem. Results are cached by content.
  compile(kind: GrammarKind, text: string, options?: CompileOptions): Promise<Compiled>;
}

// One grammar of the library in resources/grammars.
export const libraryGrammar = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  title: z.string().min(1),
  description: z.string().min(1),
  prompt: z.string().min(1), // a sample
  system: z.string(), // a system prompt that suits it
  kind: grammarKind,
  file: z.string().min(1), // in resources/grammars
});
export type LibraryGrammar = z.infer<typeof libraryGrammar>;
