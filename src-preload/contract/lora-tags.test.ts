import { expect, it } from 'vitest';
import { loraTags, withoutTags, withTag } from './lora-tags.ts';

it('reads tags with and without a strength, and leaves alone what is none', () => {
  const prompt = 'a fox <lora:fur:0.8>, <lora:Ink wash> <lora:x:-.5> <lora:y:1:2> <lora::1> <lora:z:a> <b>';
  expect(loraTags(prompt)).toEqual([
    { name: 'fur', strength: 0.8 },
    { name: 'Ink wash', strength: 1 },
    { name: 'x', strength: -0.5 },
  ]);
  expect(withoutTags(prompt)).toBe('a fox ,   <lora:y:1:2> <lora::1> <lora:z:a> <b>');
});

it('adds, changes and takes away one', () => {
  expect(withTag('', 'fur', 1)).toBe('<lora:fur:1>');
  expect(withTag('a fox ', 'fur', 0.8)).toBe('a fox <lora:fur:0.8>');
  expect(withTag('a <lora:fur> fox <lora:ink:1>', 'fur', 0.5)).toBe('a <lora:fur:0.5> fox <lora:ink:1>');
  expect(withTag('a fox <lora:fur:1><lora:ink:1>', 'fur', null)).toBe('a fox <lora:ink:1>');
  expect(withTag('a fox <lora:fur:1>', 'fur', null)).toBe('a fox');
});
