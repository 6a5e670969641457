// Grammars against the real server: what is wrong with one never reaches it, what is cut off is never called valid, and
// a marker lets a model think before it is held.
import { afterEach, describe, expect, it } from 'vitest';
import type { GrammarSource } from '../../src-preload/contract/language.ts';
import { loadGrammars } from '../services/grammars.ts';
import { type Bench, makeBench, question, silent } from '../llama/real-server.ts';

let bench: Bench;
afterEach(() => bench.close());

const source = (
  kind: GrammarSource['kind'],
  text: string,
  more: Partial<GrammarSource> = {},
): GrammarSource => ({
  kind,
  text,
  lenient: false,
  marker: null,
  ...more,
});

describe('an invalid grammar', () => {
  it.each([
    ['gbnf', 'root ::= ('],
    ['gbnf', 'root ::= missing'],
    ['lark', 'start: "a" | unknown'],
    ['json-schema', '{"type": "objec"}'],
    ['json-schema', '{'],
  ] as const)('never reaches the server: %s %s', async (kind, text) => {
    bench = makeBench({ grammars: loadGrammars });
    const asked = bench.service.ask(question('Hello', { grammar: source(kind, text) }), silent);
    await expect(asked).rejects.toMatchObject({ status: 3 });
    expect(bench.service.state.kind).toBe('stopped'); // not even started
    expect(bench.logText()).toBe('');
  });
});

it('finished answers are valid, those cut off are not, whatever the temperature', async () => {
  bench = makeBench({ grammars: loadGrammars });
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', pattern: 'ab+c' }, n: { type: 'integer' } },
    required: ['name', 'n'],
  };
  const grammar = source('json-schema', JSON.stringify(schema));
  for (const temperature of [0, 0.7, 1.5]) {
    const answer = await bench.service.ask(
      question('Answer with a name and a number.', { grammar, temperature, maxTokens: 300, seed: 3 }),
      silent,
    );
    if (answer.stopped === 'end') {
      expect(answer.valid).toBe(true);
      const parsed = JSON.parse(answer.text) as { name: string; n: number };
      expect(parsed.name).toMatch(/ab+c/);
      expect(Number.isInteger(parsed.n)).toBe(true);
    } else expect(answer.valid).toBe(false);
    const cut = await bench.service.ask(question('Answer.', { grammar, temperature, maxTokens: 3 }), silent);
    expect(cut).toMatchObject({ stopped: 'limit', valid: false });
  }
});

it('a marker lets the model think freely, and holds what follows', async () => {
  bench = makeBench({ grammars: loadGrammars });
  const grammar = source('gbnf', 'root ::= " red" | " blue"', { marker: '.' });
  const answer = await bench.service.ask(question('Say one sentence.', { grammar, maxTokens: 200 }), silent);
  if (answer.stopped === 'end') {
    expect(answer.valid).toBe(true);
    expect(answer.text).toMatch(/^[^.]*\. (red|blue)$/);
  } else expect(answer.valid).toBe(false);
});
