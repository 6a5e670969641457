import type { Grammar, GrammarProblem } from '../../src-preload/contract/grammar.ts';
import { problemsError, problemText } from '../grammar/index.ts';
import { Flags, inputError, usageError } from './arguments.ts';
import type { Command, Given } from './command.ts';
import { findGrammar, type GivenGrammar, readTextFile } from './grammar-files.ts';
import { grammarLibrary, sharedGrammars } from '../services/grammars.ts';
import type { Output } from './output.ts';

// Throws (3) for a grammar that cannot be used; each of its problems is an event of its own.
async function compile(
  name: string,
  { kind, text }: GivenGrammar,
  lenient: boolean,
  output: Output,
): Promise<Grammar> {
  const compiled = await sharedGrammars().compile(kind, text, { lenient });
  if (compiled.ok) return compiled.grammar;
  for (const problem of compiled.problems) output.event('problem', { ...problem });
  throw problemsError(name, compiled.problems);
}

const warningLines = (name: string, warnings: readonly GrammarProblem[]): string[] =>
  warnings.map((warning) => `not enforced: ${name}:${problemText(warning)}`);

async function check(name: string, flags: Flags, output: Output): Promise<void> {
  const given = findGrammar(name);
  const grammar = await compile(name, given, flags.flag('lenient'), output);
  const needs = grammar.onlyLlguidance;
  const lines = [
    ...warningLines(name, grammar.warnings),
    `${name}: a valid grammar (${grammar.kind})`,
    ...(needs === null ? [] : [`it needs a server with llguidance: ${needs}`]),
  ];
  const fields = {
    grammar: name,
    kind: grammar.kind,
    valid: true,
    warnings: grammar.warnings,
    needs_llguidance: needs, // null: every server takes it
  };
  const path = flags.text('answer');
  if (path === null) {
    output.done(fields, lines);
    return;
  }
  const verdict = await grammar.accepts(readTextFile('answer', path));
  output.event('verdict', { ...verdict });
  if (!verdict.complete) {
    const { line, column, expected } = verdict;
    const what = verdict.ok ? 'the text is the beginning of an answer' : 'the text leaves the grammar';
    throw inputError(
      verdict.ok ? 'answer-unfinished' : 'answer-invalid',
      `${path}:${line}:${column} ${what}; expected ${expected.join(' or ')}`,
    );
  }
  output.done({ ...fields, answer: path, complete: true }, [...lines, `${path}: an answer under it`]);
}

async function explain(name: string, flags: Flags, output: Output): Promise<void> {
  const given = findGrammar(name);
  const grammar = await compile(name, given, flags.flag('lenient'), output);
  const examples = flags.whole('examples', 5, { min: 0, max: 100 });
  const seed = flags.whole('seed', 1, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const said = await grammar.explain({ examples, seed });
  const { library } = given;
  output.done({ grammar: name, ...said, warnings: grammar.warnings, library }, [
    ...(library === null
      ? []
      : [`${library.title}: ${library.description}`, `for example: ${library.prompt}`]),
    ...warningLines(name, grammar.warnings),
    `${grammar.kind}, ${said.bytes} bytes, ${said.rules} rules, ${said.lexemes} terminals, compiled in ${(said.seconds * 1000).toFixed(1)} ms`,
    ...said.examples.map((example) => `  ${example.replaceAll('\n', '\n  ')}`),
  ]);
}

function list(output: Output): void {
  const grammars = grammarLibrary();
  const width = Math.max(...grammars.map(({ name }) => name.length));
  output.done(
    { grammars },
    grammars.map(
      ({ name, kind, description }) => `${name.padEnd(width)}  ${kind.padEnd(11)}  ${description}`,
    ),
  );
}

export const grammar: Command = {
  name: 'grammar',
  summary: 'checks and explains grammars for a language model',
  usage: [
    'sluice grammar list                 the library',
    'sluice grammar check FILE|NAME      .gbnf, .lark (as llguidance takes it) or .json (a JSON schema)',
    '  --answer FILE                     also judges a text; where it goes wrong is told',
    'sluice grammar explain FILE|NAME    example texts that it accepts, and its size',
    '  --examples N  --seed N',
    '  --lenient                         schema keywords that cannot be enforced are told and left out',
  ].join('\n'),
  options: {
    answer: { type: 'string' },
    lenient: { type: 'boolean' },
    examples: { type: 'string' },
    seed: { type: 'string' },
  },
  async run(given: Given, output) {
    const [action = 'list', name, ...more] = given.positionals;
    const flags = new Flags(given);
    if (!['list', 'check', 'explain'].includes(action)) {
      throw usageError(`grammar has no "${action}"; it has list, check, explain`, '', 'unknown-action');
    }
    if (action === 'list') {
      if (name !== undefined) throw usageError(`grammar list takes no arguments, found "${name}"`);
      list(output);
      return;
    }
    if (name === undefined || more.length > 0)
      throw usageError(`grammar ${action} takes one grammar: a file or a name`);
    await (action === 'check' ? check(name, flags, output) : explain(name, flags, output));
  },
};
