// How a template's frame is found. That it fills in what the server would write is held against the real server
// (routing.real-test.ts).
import { expect, it } from 'vitest';
import { frameOf, mark } from './template.ts';

it('a frame is what stands around the messages', () => {
  const text = `<s>${mark(0)}\n[you] ${mark(1)} [me]`;
  expect(frameOf(text, 2)).toEqual(['<s>', '\n[you] ', ' [me]']);
  expect(frameOf('nothing', 0)).toEqual(['nothing']);
});

it('more than nine messages are told apart', () => {
  const marks = Array.from({ length: 12 }, (_, index) => mark(index));
  expect(frameOf(marks.join(','), 12)).toEqual(['', ...Array.from({ length: 11 }, () => ','), '']);
});

it('there is none where a message is missing, twice there or out of turn', () => {
  expect(frameOf(mark(0), 2)).toBeNull();
  expect(frameOf(`${mark(0)} ${mark(0)} ${mark(1)}`, 2)).toBeNull();
  expect(frameOf(`${mark(1)} ${mark(0)}`, 2)).toBeNull();
});
