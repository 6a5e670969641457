// Grammars for the rest of the main process: typed calls over the addon, compiled grammars cached by content. Does not
// talk to a server; what it compiles is what a server may be sent.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import {
  type Compiled,
  type CompileOptions,
  explanation,
  type Explanation,
  type Grammar,
  type GrammarKind,
  type GrammarMatcher,
  grammarProblem,
  type GrammarProblem,
  type Grammars,
  type ServerGrammar,
  verdict,
  type Verdict,
} from '../../src-preload/contract/grammar.ts';
import { loadAddon, type NativeGrammar, type NativeGrammars, type NativeMatcher } from './native.ts';

const made = z.object({
  server: z.string(),
  needs_llguidance: z.boolean(),
  plain: z.string().nullable(), // the same as GBNF
  why_not_plain: z.string().nullable(),
  gap: z.boolean(),
  warnings: z.array(grammarProblem),
});
type Made = z.infer<typeof made>;

const failed = z.object({ problems: z.array(grammarProblem).min(1) });

// "3:7 message" lines, for errors and logs.
export const problemText = ({ line, column, message }: GrammarProblem): string =>
  line === 0 ? message : `${line}:${column} ${message}`;

// A grammar's problems as one error: bad input, unless it is our fault.
export function problemsError(what: string, problems: readonly GrammarProblem[]): SluiceError {
  const internal = problems.some(({ code }) => code === 'internal');
  const first = problems[0];
  const code = first?.code === 'unsupported-keyword' ? 'grammar-unsupported' : 'grammar-invalid';
  return new SluiceError(
    internal ? Status.internal : Status.input,
    internal ? 'internal' : code,
    problems.map((problem) => `${what}:${problemText(problem)}`).join('\n'),
    code === 'grammar-unsupported' ? 'Leave the keyword out, or use --lenient to do without it.' : '',
  );
}

// A reply's report where only our own fault or a text's size can have made the call fail.
function read<T>(schema: z.ZodType<T>, reply: { status: number; report: string }, what: string): T {
  const report: unknown = JSON.parse(reply.report);
  if (reply.status !== Status.ok) throw problemsError(what, failed.parse(report).problems);
  return schema.parse(report);
}

// A surrogate whose other half comes with the next piece must not be judged alone.
const endsInHalf = (text: string): boolean => /[\ud800-\udbff]$/.test(text);

class StreamMatcher implements GrammarMatcher {
  readonly #native: NativeMatcher;
  #held = '';

  constructor(native: NativeMatcher) {
    this.#native = native;
  }

  push(piece: string): Verdict {
    let text = this.#held + piece;
    this.#held = '';
    if (endsInHalf(text)) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    }
    return read(verdict, this.#native.push(text), 'answer');
  }

  reset(): void {
    this.#held = '';
    this.#native.reset();
  }

  close(): void {
    this.#native.close();
  }
}

class CompiledGrammar implements Grammar {
  readonly #native: NativeGrammar;
  readonly #made: Made;
  readonly #marker: string | null;

  constructor(
    readonly kind: GrammarKind,
    readonly text: string,
    native: NativeGrammar,
    description: Made,
    marker: string | null = null,
  ) {
    this.#native = native;
    this.#made = description;
    this.#marker = marker;
  }

  get warnings(): readonly GrammarProblem[] {
    return this.#made.warnings;
  }

  toServer({ llguidance }: { llguidance: boolean }): ServerGrammar | null {
    const { server, plain, needs_llguidance: needsLlguidance } = this.#made;
    if (llguidance) return { grammar: server, needsLlguidance };
    return plain === null ? null : { grammar: plain, needsLlguidance: false };
  }

  get onlyLlguidance(): string | null {
    return this.#made.why_not_plain;
  }

  async accepts(text: string): Promise<Verdict> {
    return read(verdict, await this.#native.judge(text), 'answer');
  }

  matcher(): GrammarMatcher {
    return new StreamMatcher(this.#native.matcher());
  }

  async explain({ examples = 5, seed = 1 } = {}): Promise<Explanation> {
    return read(explanation, await this.#native.explain({ examples, seed }), 'grammar');
  }

  async lazy(marker: string): Promise<Grammar> {
    const reply = await this.#native.lazy(marker);
    const description = read(made, reply, 'grammar');
    if (reply.grammar === null) throw new Error('a grammar was compiled but not handed out');
    return new CompiledGrammar(this.kind, this.text, reply.grammar, description, marker);
  }

  answerOf(text: string): string | null {
    if (this.#marker === null) return text;
    const at = text.indexOf(this.#marker);
    if (at < 0) return null;
    const answer = text.slice(at + this.#marker.length);
    return this.#made.gap ? answer.replace(/^[ \t\r\n]{0,8}/, '') : answer;
  }
}

export interface GrammarServiceOptions {
  addonPath: string; // the built sluice.node
  cached?: number; // how many compiled grammars are kept
}

export class GrammarService implements Grammars {
  readonly #addon: NativeGrammars;
  readonly #cached: number;
  // By content; the order of keys is the order of last use. Failures are kept too: an editor asks again and again.
  readonly #cache = new Map<string, Promise<Compiled>>();

  constructor({ addonPath, cached = 64 }: GrammarServiceOptions) {
    this.#addon = loadAddon(addonPath);
    this.#cached = cached;
  }

  compile(kind: GrammarKind, text: string, { lenient = false }: CompileOptions = {}): Promise<Compiled> {
    const key = createHash('sha256').update(`${kind}\n${lenient}\n${text}`).digest('base64');
    const known = this.#cache.get(key);
    this.#cache.delete(key);
    const compiled = known ?? this.#compile(kind, text, lenient);
    this.#cache.set(key, compiled);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= this.#cached) break;
      this.#cache.delete(oldest);
    }
    // What failed by our own fault may go better next time.
    compiled.catch(() => this.#cache.delete(key));
    return compiled;
  }

  async #compile(kind: GrammarKind, text: string, lenient: boolean): Promise<Compiled> {
    const { status, report, grammar } = await this.#addon.compileGrammar({ kind, text, lenient });
    const said: unknown = JSON.parse(report);
    if (status === Status.internal) throw problemsError('grammar', failed.parse(said).problems);
    if (status !== Status.ok) return { ok: false, problems: failed.parse(said).problems };
    if (grammar === null) throw new Error('a grammar was compiled but not handed out');
    return { ok: true, grammar: new CompiledGrammar(kind, text, grammar, made.parse(said)) };
  }
}
