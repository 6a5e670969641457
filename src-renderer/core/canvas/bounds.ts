// How far marks reach, so that a bitmap can be made that holds them.
import type { Item } from './model.ts';

export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function around(values: readonly number[], stride: 2 | 3, reach: number): Bounds | null {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let i = 0; i + 1 < values.length; i += stride) {
    const x = values[i] ?? 0;
    const y = values[i + 1] ?? 0;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  if (left > right) return null;
  return { left: left - reach, top: top - reach, right: right + reach, bottom: bottom + reach };
}

export function itemBounds(item: Item): Bounds | null {
  switch (item.type) {
    case 'stroke':
      return around(item.samples, 3, item.size);
    case 'pose':
      return around(
        item.joints.flatMap(({ x, y }) => [x, y]),
        2,
        2 * item.size,
      );
    case 'area':
      return around(item.points, 2, 1);
    case 'rectangle':
    case 'ellipse':
    case 'picture': {
      const reach = item.type === 'picture' ? 0 : item.size;
      return {
        left: item.x - reach,
        top: item.y - reach,
        right: item.x + item.width + reach,
        bottom: item.y + item.height + reach,
      };
    }
  }
}

export function union(a: Bounds | null, b: Bounds | null): Bounds | null {
  if (a === null || b === null) return a ?? b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

export const boundsOf = (items: readonly Item[]): Bounds | null =>
  items.reduce<Bounds | null>((sum, item) => union(sum, itemBounds(item)), null);

export const contains = (outer: Bounds, inner: Bounds): boolean =>
  outer.left <= inner.left &&
  outer.top <= inner.top &&
  outer.right >= inner.right &&
  outer.bottom >= inner.bottom;

// Grown to a coarse grid, so that a bitmap is not made anew with each mark.
export function roomFor({ left, top, right, bottom }: Bounds, grid = 256): Bounds {
  return {
    left: Math.floor(left / grid) * grid,
    top: Math.floor(top / grid) * grid,
    right: Math.ceil(right / grid) * grid,
    bottom: Math.ceil(bottom / grid) * grid,
  };
}
