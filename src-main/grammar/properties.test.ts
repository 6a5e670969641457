// Grammars against a JSON Schema validator that knows nothing of them: whatever a grammar generates is valid, and
// changed texts are judged alike.
import Ajv2020 from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { Grammar } from '../../src-preload/contract/grammar.ts';
import { addonPath } from '../library/paths.ts';
import { generatedGrammars } from './generate.ts';
import { GrammarService } from './index.ts';

const service = new GrammarService({ addonPath: addonPath() });

const others: Record<string, object> = {
  recursive: {
    type: 'object',
    properties: {
      name: { type: 'string', pattern: '^[a-z]{1,4}$' },
      inner: { type: 'array', items: { $ref: '#' }, maxItems: 2 },
    },
    required: ['name', 'inner'],
    additionalProperties: false,
  },
  numbers: {
    type: 'array',
    prefixItems: [
      { type: 'integer', minimum: -12, exclusiveMaximum: 105 },
      { type: 'number', minimum: 0, maximum: 2.5 },
      { type: 'integer', multipleOf: 7, minimum: 0, maximum: 1000 },
    ],
    items: { enum: [1, 'a', null, true, [2]] },
    minItems: 3,
    maxItems: 5,
  },
  choices: {
    anyOf: [
      { type: 'object', properties: { a: { const: 1 } }, required: ['a'], additionalProperties: false },
      { type: 'string', minLength: 2, maxLength: 5 },
      { type: 'object', patternProperties: { '^x[0-9]$': { type: 'boolean' } }, additionalProperties: false },
    ],
  },
  formats: {
    type: 'object',
    properties: {
      when: { type: 'string', pattern: '^\\d{4}-\\d\\d$' },
      tags: { type: 'object', maxProperties: 1 },
    },
    required: ['when'],
  },
};

const schemas: Record<string, object> = {
  ...Object.fromEntries(
    Object.entries(generatedGrammars()).map(([file, text]) => [file, JSON.parse(text) as object]),
  ),
  ...others,
};

// Numbers from a seed, the same in every run.
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof makeRandom>;

const strange = [0, -1, 1, 3.5, 127, 128, 1000, 1001, '', 'x', '#00ff00', 'é😀', null, true, [], {}];

// One part of a value replaced, removed or doubled.
function changeValue(value: unknown, random: Random): unknown {
  if (Array.isArray(value) && value.length > 0 && random(4) > 0) {
    const at = random(value.length);
    const items: unknown[] = [...(value as unknown[])];
    const way = random(6);
    if (way === 0) items.splice(at, 1);
    else if (way === 1) items.push(items[at]);
    else items[at] = changeValue(items[at], random);
    return items;
  }
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0 && random(4) > 0) {
    const entries = Object.entries(value as Record<string, unknown>);
    const at = random(entries.length);
    const [name, inner] = entries[at] ?? ['', null];
    const way = random(7);
    if (way === 0) entries.splice(at, 1);
    else if (way === 1) entries.push(['zz', 1]);
    else entries[at] = [name, changeValue(inner, random)];
    return Object.fromEntries(entries);
  }
  if (typeof value === 'number' && random(2) === 0) return value + random(7) - 3;
  return strange[random(strange.length)];
}

function changeText(text: string, random: Random): string {
  const at = random(text.length + 1);
  const odd = '{}[]",:01.e-+ax# \\\n'.charAt(random(19));
  if (random(3) === 0) return text.slice(0, at) + text.slice(at + 1);
  return text.slice(0, at) + odd + text.slice(at + random(2));
}

function parsed(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

async function compile(schema: object): Promise<Grammar> {
  const compiled = await service.compile('json-schema', JSON.stringify(schema));
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.grammar;
}

describe.each(Object.entries(schemas))('the schema %s', (_name, schema) => {
  const validate = new Ajv2020({ strict: false }).compile(schema);

  it('generates valid answers only, and judges changed ones as a validator does', async () => {
    const grammar = await compile(schema);
    const { examples } = await grammar.explain({ examples: 12, seed: 5 });
    expect(examples.length).toBeGreaterThan(2);
    const random = makeRandom(9);
    let valid = 0;
    let invalid = 0;
    for (const example of examples) {
      const value = JSON.parse(example) as unknown;
      expect(validate(value), example).toBe(true);
      const texts = Array.from({ length: 25 }, () => JSON.stringify(changeValue(value, random)));
      texts.push(...Array.from({ length: 25 }, () => changeText(JSON.stringify(value), random)));
      for (const text of texts) {
        const read = parsed(text);
        const isValid = read !== null && validate(read.value);
        const { complete } = await grammar.accepts(text);
        if (complete) expect(isValid, text).toBe(true);
        // As a model would write it: no blanks, no escapes without need, numbers in their shortest form.
        const plain = read !== null && JSON.stringify(read.value) === text && !/\d[eE]/.test(text);
        if (isValid && plain) expect(complete, text).toBe(true);
        if (isValid) valid++;
        else invalid++;
      }
    }
    expect(valid).toBeGreaterThan(0);
    expect(invalid).toBeGreaterThan(0);
  });
});
