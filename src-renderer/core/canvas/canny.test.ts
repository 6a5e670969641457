import { describe, expect, it } from 'vitest';
import { canny, type Pixels } from './canny.ts';

function picture(side: number, inside: (x: number, y: number) => number): Pixels {
  const data = new Uint8ClampedArray(side * side * 4);
  for (let i = 0; i < side * side; i++) {
    const value = inside(i % side, Math.floor(i / side));
    data.set([value, value, value, 255], 4 * i);
  }
  return { width: side, height: side, data };
}

const count = (edges: Uint8Array): number => edges.filter((value) => value > 0).length;

describe('canny', () => {
  it('finds nothing in a plain picture, nor in a soft slope', () => {
    expect(count(canny(picture(32, () => 90)))).toBe(0);
    expect(count(canny(picture(32, (x) => x * 4)))).toBe(0);
  });
  it('draws a step as a line of one pixel, in every direction', () => {
    for (const inside of [(x: number) => x >= 16, (_: number, y: number) => y >= 16]) {
      expect(count(canny(picture(32, (x, y) => (inside(x, y) ? 255 : 0))))).toBe(30);
    }
  });
  it('surrounds a square', () => {
    const edges = canny(picture(40, (x, y) => (x >= 10 && x < 30 && y >= 10 && y < 30 ? 255 : 0)));
    expect(count(edges)).toBeGreaterThan(64);
    expect(count(edges)).toBeLessThan(100);
    expect(edges[20 * 40 + 20]).toBe(0);
  });
  it('follows a line from strong to weak, and leaves weak ones alone', () => {
    const fading = picture(64, (x, y) => (y >= 32 ? 20 + 2 * x : 0));
    const edges = canny(fading, { low: 100, high: 250 });
    expect(edges[31 * 64 + 25] === 255 || edges[32 * 64 + 25] === 255).toBe(true);
    expect(
      count(
        canny(
          picture(64, (_, y) => (y >= 32 ? 35 : 0)),
          { low: 100, high: 250 },
        ),
      ),
    ).toBe(0);
  });
  it('takes transparent as white', () => {
    const clear = { ...picture(16, () => 0) };
    clear.data.fill(0);
    expect(count(canny(clear))).toBe(0);
  });
});
