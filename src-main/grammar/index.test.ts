import { describe, expect, it } from 'vitest';
import type { Compiled, Grammar } from '../../src-preload/contract/grammar.ts';
import { addonPath } from '../library/paths.ts';
import { GrammarService } from './index.ts';

const service = new GrammarService({ addonPath: addonPath(), cached: 3 });

function grammarOf(compiled: Compiled): Grammar {
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.grammar;
}

describe('grammars', () => {
  it('tells what is wrong, with places, and never throws for it', async () => {
    expect(await service.compile('gbnf', 'root ::= x')).toEqual({
      ok: false,
      problems: [{ code: 'invalid', line: 1, column: 10, message: 'There is no rule called "x".' }],
    });
    const schema = await service.compile('json-schema', '{\n "not": {}}');
    expect(schema).toMatchObject({
      ok: false,
      problems: [{ code: 'unsupported-keyword', line: 2, column: 2, keyword: 'not' }],
    });
    expect(await service.compile('lark', '')).toMatchObject({ ok: false });
  });

  it('names under lenient what it leaves out', async () => {
    const grammar = grammarOf(await service.compile('json-schema', '{"not":{}}', { lenient: true }));
    expect(grammar.warnings).toMatchObject([{ keyword: 'not' }]);
  });

  it('gives servers what they can follow', async () => {
    const gbnf = grammarOf(await service.compile('gbnf', 'root ::= "a"'));
    expect(gbnf.toServer({ llguidance: false })).toEqual({
      grammar: 'root ::= "a"',
      needsLlguidance: false,
    });
    const schema = grammarOf(await service.compile('json-schema', '{"type":"boolean"}'));
    expect(schema.toServer({ llguidance: true })?.grammar).toMatch(/^%llguidance \{\}\nstart: %json \{/);
    const plain = schema.toServer({ llguidance: false });
    expect(plain).toMatchObject({ needsLlguidance: false });
    const same = grammarOf(await service.compile('gbnf', plain?.grammar ?? ''));
    expect(await same.accepts('true')).toMatchObject({ complete: true });
    expect(await same.accepts('1')).toMatchObject({ ok: false });
    expect(schema.onlyLlguidance).toBeNull();
    const more = grammarOf(await service.compile('json-schema', '{"type":"integer","multipleOf":3}'));
    expect(more.toServer({ llguidance: false })).toBeNull();
    expect(more.onlyLlguidance).toMatch(/"multipleOf"/);
    const lark = grammarOf(await service.compile('lark', 'start: "a"'));
    expect(lark.toServer({ llguidance: false })).toBeNull();
    expect(lark.onlyLlguidance).toMatch(/Lark/);
  });

  it('keeps compiled grammars by content and forgets the one used longest ago', async () => {
    const texts = ['"a"', '"b"', '"c"'].map((text) => `root ::= ${text}`);
    const [a, b, c] = texts.map((text) => service.compile('gbnf', text));
    expect(service.compile('gbnf', texts[0] ?? '')).toBe(a);
    expect(service.compile('gbnf', 'root ::= "d"')).not.toBe(a);
    expect(service.compile('gbnf', texts[0] ?? '')).toBe(a);
    expect(service.compile('gbnf', texts[2] ?? '')).toBe(c);
    expect(service.compile('gbnf', texts[1] ?? '')).not.toBe(b);
    expect(service.compile('lark', texts[0] ?? '')).not.toBe(a);
    await Promise.all([a, b, c]);
  });

  it('judges from many sides at once', async () => {
    const grammar = grammarOf(
      await service.compile('json-schema', '{"type":"array","items":{"type":"integer"}}'),
    );
    const texts = Array.from(
      { length: 50 },
      (_, i) => `[${Array.from({ length: i }, (_, j) => j).join(',')}]`,
    );
    const verdicts = await Promise.all(texts.map((text) => grammar.accepts(text)));
    expect(verdicts.every(({ complete }) => complete)).toBe(true);
  });

  it('follows a text however it is cut, inside of characters too', async () => {
    const grammar = grammarOf(await service.compile('gbnf', 'root ::= "é😀"+ "\\x00" "."'));
    const text = 'é😀é😀\0.';
    const matcher = grammar.matcher();
    for (const unit of text.split('')) expect(matcher.push(unit).ok).toBe(true);
    expect(matcher.push('')).toMatchObject({ complete: true, position: text.length });
    expect(matcher.push('x')).toMatchObject({ ok: false, position: text.length, expected: ['the end'] });
    expect(matcher.push('.')).toMatchObject({ ok: false, position: text.length });
    matcher.reset();
    expect(matcher.push('é\ud83d')).toMatchObject({ ok: true, position: 1 });
    expect(matcher.push('x')).toMatchObject({ ok: false, position: 1 });
    matcher.close();
    expect(() => matcher.push('é')).toThrow(/closed/);
  });

  it('thinks first where a marker is wanted', async () => {
    const lazy = await grammarOf(await service.compile('json-schema', '{"type":"boolean"}')).lazy('</think>');
    expect(await lazy.accepts('well…</think>\n\ntrue')).toMatchObject({ complete: true });
    expect(await lazy.accepts('well… true')).toMatchObject({ ok: true, complete: false });
    expect(lazy.answerOf('well…</think>\n\ntrue')).toBe('true');
    expect(lazy.answerOf('well…')).toBeNull();
    await expect(lazy.lazy('x')).rejects.toThrow(/already/);
  });
});
