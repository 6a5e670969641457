import { Text } from '@codemirror/state';
import { expect, it } from 'vitest';
import type { GrammarProblem } from '../../../src-preload/contract/grammar.ts';
import { rangeOf } from './code-editor.ts';

const problem = (line: number, column: number): GrammarProblem => ({
  code: 'syntax',
  line,
  column,
  message: 'x',
});
const text = Text.of(['root ::= nowhere', 'a ::= "b"']);
const marked = (line: number, column: number): string => {
  const { from, to } = rangeOf(problem(line, column), text);
  return text.sliceString(from, to);
};

it('problems mark the word at their place, and something visible in any case', () => {
  expect(marked(1, 10)).toBe('nowhere');
  expect(marked(2, 7)).toBe('"b"');
  expect(marked(0, 0)).toBe('root ::= nowhere');
  expect(marked(1, 99)).toBe('e'); // behind the line's end
  expect(marked(99, 1)).toBe('a'); // behind the text's end
});
