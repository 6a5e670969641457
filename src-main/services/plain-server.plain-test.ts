// A real llama-server without llguidance: it says so of itself, GBNF and JSON schemas hold its answers all the same, and
// what it cannot do never reaches it, because it may abort on that.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Answer, GrammarSource } from '../../src-preload/contract/language.ts';
import { type Bench, makeBench, question, silent } from '../llama/real-server.ts';
import { grammarLibrary, libraryGrammarText, loadGrammars } from './grammars.ts';

let bench: Bench;
let notices: string[] = [];
beforeEach(() => {
  notices = [];
  bench = makeBench({ grammars: loadGrammars });
});
afterEach(() => bench.close());

const source = (kind: GrammarSource['kind'], text: string, marker: string | null = null): GrammarSource => ({
  kind,
  text,
  lenient: false,
  marker,
});

const ask = (grammar: GrammarSource | null, more = {}): Promise<Answer> =>
  bench.service.ask(question('Answer.', { grammar, maxTokens: 200, temperature: 0.7, seed: 4, ...more }), {
    ...silent,
    onNotice: (notice) => notices.push(notice),
  });

it('is found out, and told once', async () => {
  expect(await bench.service.capabilities()).toMatchObject({ llguidance: false, gbnf: true });
  expect((await ask(null, { maxTokens: 8 })).valid).toBeNull();
  expect((await ask(source('gbnf', 'root ::= "left" | "right"'))).text).toMatch(/^(left|right)$/);
  expect(notices).toEqual([expect.stringMatching(/takes no Lark grammars/)]);
});

it('holds to JSON schemas, whatever the temperature', async () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 12 },
      colour: { type: 'string', pattern: '^#[0-9a-f]{6}$' },
      x: { type: 'integer', minimum: -20, maximum: 1000 },
      share: { type: 'number', minimum: 0, maximum: 1 },
      tags: { type: 'array', items: { enum: ['a', 'b', 3] }, minItems: 1, maxItems: 2 },
      more: { anyOf: [{ type: 'null' }, { type: 'boolean' }] },
    },
    required: ['name', 'colour', 'x', 'share', 'tags', 'more'],
    additionalProperties: false,
  };
  for (const temperature of [0, 0.7, 1.5]) {
    const answer = await ask(source('json-schema', JSON.stringify(schema)), { temperature });
    expect(answer, answer.text).toMatchObject({ stopped: 'end', valid: true });
    const made = JSON.parse(answer.text) as { x: number; colour: string; tags: unknown[] };
    expect(Object.keys(made)).toEqual(schema.required);
    expect(made.x).toBeGreaterThanOrEqual(-20);
    expect(made.x).toBeLessThanOrEqual(1000);
    expect(made.colour).toMatch(/^#[0-9a-f]{6}$/);
    expect(made.tags.length).toBeGreaterThan(0);
  }
  const cut = await ask(source('json-schema', JSON.stringify(schema)), { maxTokens: 3 });
  expect(cut).toMatchObject({ stopped: 'limit', valid: false });
});

it('holds to every grammar of the library', async () => {
  const library = grammarLibrary();
  expect(library.length).toBeGreaterThan(0);
  let finished = 0;
  for (const grammar of library) {
    const answer = await ask(source(grammar.kind, libraryGrammarText(grammar)), { maxTokens: 600 });
    // Cut off is no fault; to have ended and not be valid is.
    expect(answer.valid, `${grammar.name}: ${answer.text}`).toBe(answer.stopped === 'end');
    if (answer.stopped === 'end') finished++;
  }
  expect(finished).toBeGreaterThan(0);
});

it('lets a model think up to a marker, then holds it', async () => {
  const answer = await ask(source('json-schema', '{"enum":["red","blue"]}', '.'));
  if (answer.stopped === 'end') {
    expect(answer.valid).toBe(true);
    expect(answer.text).toMatch(/^[^.]*\.\s*"(red|blue)"$/);
  } else expect(answer.valid).toBe(false);
});

it('never gets what it cannot do, and serves on', async () => {
  await ask(null, { maxTokens: 2 });
  const { pid } = bench.service.supervisor;
  for (const [grammar, why] of [
    [source('lark', 'start: "left" | "right"'), /no llguidance, and it is written in Lark/],
    [source('lark', 'start: "left"', '.'), /Lark/],
    [source('json-schema', '{"type":"integer","multipleOf":3}'), /"multipleOf" is more than GBNF can say/],
  ] as const) {
    const refusal = await ask(grammar).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code: 'grammar-unsupported', status: 3 });
    expect((refusal as Error).message).toMatch(why);
  }
  expect((await ask(source('gbnf', 'root ::= "up"'))).text).toBe('up');
  expect(bench.service.supervisor.pid).toBe(pid);
  await bench.log.settled();
  expect(bench.logText()).not.toMatch(/llguidance/i);
});
