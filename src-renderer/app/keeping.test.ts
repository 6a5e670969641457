import { expect, it } from 'vitest';
import { keepSoon } from './keeping.ts';

const turn = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

// A disk that takes as long as it is told to.
function slowDisk() {
  let state = 0;
  const kept: number[] = [];
  const ends: (() => void)[] = [];
  const keeping = keepSoon(0, () => {
    const writes = state;
    return new Promise((resolve) => {
      ends.push(() => {
        kept.push(writes);
        resolve();
      });
    });
  });
  return {
    kept,
    keeping,
    begun: () => ends.length,
    edit: () => {
      state++;
      keeping.changed();
    },
    finish: async () => {
      ends[kept.length]?.();
      await turn();
    },
  };
}

it('writes one at a time, and the newest right after', async () => {
  const { kept, begun, edit, finish } = slowDisk();
  edit();
  await turn(5);
  expect(begun()).toBe(1);
  for (let i = 0; i < 10; i++) edit();
  await turn(5);
  expect(begun()).toBe(1); // nothing is queued behind a slow disk
  await finish();
  expect(begun()).toBe(2); // and nothing waits once it is free
  await finish();
  expect(kept).toEqual([1, 11]);
  await turn(5);
  expect(begun()).toBe(2);
});

it('writes at once when the window goes, also while it writes', async () => {
  const { kept, keeping, begun, edit, finish } = slowDisk();
  keeping.now();
  expect(begun()).toBe(0); // nothing has changed
  edit();
  keeping.now();
  expect(begun()).toBe(1);
  edit();
  keeping.now();
  expect(begun()).toBe(2);
  await finish();
  await finish();
  expect(kept).toEqual([1, 2]);
  await turn(5);
  expect(begun()).toBe(2);
});

it('forgets a change when another document takes its place', async () => {
  const { keeping, begun, edit } = slowDisk();
  edit();
  keeping.drop();
  await turn(5);
  expect(begun()).toBe(0);
});
