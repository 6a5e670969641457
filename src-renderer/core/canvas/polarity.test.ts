import { expect, it } from 'vitest';
import { lightOnDark } from './polarity.ts';

const reds = (greys: readonly number[]): number[] => {
  const pixels = Uint8ClampedArray.from(greys.flatMap((grey) => [grey, grey, grey, 255]));
  return [...lightOnDark(pixels)].filter((_, i) => i % 4 === 0);
};

it('finds out whether lines are dark or light', () => {
  expect(reds([255, 255, 0, 240])).toEqual([0, 0, 255, 15]);
  expect(reds([0, 0, 255, 15])).toEqual([0, 0, 255, 15]);
  expect(reds([0, 0, 0])).toEqual([0, 0, 0]);
  expect(reds([255, 255])).toEqual([0, 0]); // empty paper steers nothing
});

it('weighs colours as eyes do', () => {
  const [green = 0, , , , blue = 0] = lightOnDark(
    Uint8ClampedArray.from([0, 255, 0, 255, 0, 0, 255, 255, ...Array<number>(40).fill(0)]),
  );
  expect(green).toBeGreaterThan(blue);
});
