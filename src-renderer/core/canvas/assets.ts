// Which pictures canvases name. Documents of a history share what did not change: what was seen is not read again.
import type { CanvasDocument, Item } from './model.ts';

export function assetsOf(canvases: Iterable<CanvasDocument>): Set<string> {
  const named = new Set<string>();
  const seen = new Set<readonly Item[]>();
  for (const { layers } of canvases) {
    for (const { items } of layers) {
      if (seen.has(items)) continue;
      seen.add(items);
      for (const item of items) if (item.type === 'picture') named.add(item.asset);
    }
  }
  return named;
}
