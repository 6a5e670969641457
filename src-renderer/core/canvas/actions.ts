// What can be done to the canvas. Each function gives one action; an action that finds nothing to change returns the
// document itself, which is no step.
import type { Action } from '../history.ts';
import { newId } from '../ids.ts';
import type { Box, CanvasDocument, Item, Layer, LayerKind, PaintForm } from './model.ts';
import { newLayer } from './model.ts';
import { movePose } from './pose.ts';

type CanvasAction = Action<CanvasDocument>;

function changeLayer(canvas: CanvasDocument, id: string, change: (layer: Layer) => Layer): CanvasDocument {
  const index = canvas.layers.findIndex((layer) => layer.id === id);
  const layer = canvas.layers[index];
  if (layer === undefined) return canvas;
  const next = change(layer);
  return next === layer ? canvas : { ...canvas, layers: canvas.layers.with(index, next) };
}

const labels: Record<Item['type'], string> = {
  stroke: 'Brush',
  rectangle: 'Rectangle',
  ellipse: 'Ellipse',
  area: 'Lasso',
  picture: 'Place picture',
  pose: 'Add a person',
};

export function addItem(layerId: string, item: Item): CanvasAction {
  return {
    label: 'erase' in item && item.erase ? 'Erase' : labels[item.type],
    apply: (canvas) =>
      changeLayer(canvas, layerId, (layer) =>
        layer.locked ? layer : { ...layer, items: [...layer.items, item] },
      ),
  };
}

export function addItems(layerId: string, items: readonly Item[], label: string): CanvasAction {
  return {
    label,
    apply: (canvas) =>
      changeLayer(canvas, layerId, (layer) =>
        layer.locked || items.length === 0 ? layer : { ...layer, items: [...layer.items, ...items] },
      ),
  };
}

// Puts an item in the place of the one with its id. A drag is one step.
export function replaceItem(layerId: string, item: Item, label: string): CanvasAction {
  return {
    label,
    merge: `item:${item.id}`,
    apply: (canvas) =>
      changeLayer(canvas, layerId, (layer) => {
        const at = layer.items.findIndex(({ id }) => id === item.id);
        return layer.locked || at < 0 ? layer : { ...layer, items: layer.items.with(at, item) };
      }),
  };
}

export function removeItem(layerId: string, id: string): CanvasAction {
  return {
    label: 'Remove',
    apply: (canvas) =>
      changeLayer(canvas, layerId, (layer) => {
        const items = layer.items.filter((item) => item.id !== id);
        return layer.locked || items.length === layer.items.length ? layer : { ...layer, items };
      }),
  };
}

export function clearLayer(layerId: string): CanvasAction {
  return {
    label: 'Clear layer',
    apply: (canvas) =>
      changeLayer(canvas, layerId, (layer) =>
        layer.locked || layer.items.length === 0 ? layer : { ...layer, items: [] },
      ),
  };
}

// The new layer stands above `above`, or on top.
export function addLayer(layer: Layer, above: string | null): CanvasAction {
  return {
    label: `Add layer ${layer.name}`,
    apply: (canvas) => {
      const at = canvas.layers.findIndex(({ id }) => id === above);
      const index = at < 0 ? canvas.layers.length : at + 1;
      return { ...canvas, layers: canvas.layers.toSpliced(index, 0, layer) };
    },
  };
}

export function removeLayer(id: string): CanvasAction {
  return {
    label: 'Delete layer',
    apply: (canvas) => {
      const layers = canvas.layers.filter((layer) => layer.id !== id);
      return layers.length === canvas.layers.length ? canvas : { ...canvas, layers };
    },
  };
}

export function duplicateLayer(id: string, copyId: string = newId()): CanvasAction {
  return {
    label: 'Duplicate layer',
    apply: (canvas) => {
      const index = canvas.layers.findIndex((layer) => layer.id === id);
      const layer = canvas.layers[index];
      if (layer === undefined) return canvas;
      const copy = { ...layer, id: copyId, name: `${layer.name} copy`.slice(0, 200) };
      return { ...canvas, layers: canvas.layers.toSpliced(index + 1, 0, copy) };
    },
  };
}

// `by` places up (positive) or down.
export function moveLayer(id: string, by: number): CanvasAction {
  return {
    label: 'Reorder layers',
    apply: (canvas) => {
      const from = canvas.layers.findIndex((layer) => layer.id === id);
      const layer = canvas.layers[from];
      if (layer === undefined) return canvas;
      const to = Math.min(canvas.layers.length - 1, Math.max(0, from + by));
      if (to === from) return canvas;
      return { ...canvas, layers: canvas.layers.toSpliced(from, 1).toSpliced(to, 0, layer) };
    },
  };
}

export type LayerSettings = Partial<
  Pick<Layer, 'name' | 'visible' | 'opacity' | 'locked' | 'keepsTransparency' | 'strength' | 'start' | 'end'>
>;

const same = <T extends object>(value: T, changes: Partial<T>): boolean =>
  (Object.keys(changes) as (keyof T)[]).every((key) => value[key] === changes[key]);

export function setLayer(id: string, settings: LayerSettings): CanvasAction {
  return {
    label: `Layer ${'keepsTransparency' in settings ? 'transparency' : Object.keys(settings).join(', ')}`,
    merge: `layer:${id}:${Object.keys(settings).join()}`,
    apply: (canvas) =>
      changeLayer(canvas, id, (layer) => (same(layer, settings) ? layer : { ...layer, ...settings })),
  };
}

export function translateLayer(id: string, dx: number, dy: number): CanvasAction {
  return {
    label: 'Move layer',
    apply: (canvas) =>
      changeLayer(canvas, id, (layer) =>
        layer.locked || (dx === 0 && dy === 0) ? layer : { ...layer, x: layer.x + dx, y: layer.y + dy },
      ),
  };
}

// Where a layer's own origin lies is folded into what it holds, so that two layers can share one.
function atOrigin({ x, y, items }: Layer): Item[] {
  if (x === 0 && y === 0) return items;
  return items.map((item) => {
    switch (item.type) {
      case 'stroke':
        return {
          ...item,
          samples: item.samples.map((value, i) =>
            i % 3 === 0 ? value + x : i % 3 === 1 ? value + y : value,
          ),
        };
      case 'area':
        return { ...item, points: item.points.map((value, i) => value + (i % 2 === 0 ? x : y)) };
      case 'pose':
        return movePose(item, x, y);
      case 'rectangle':
      case 'ellipse':
      case 'picture':
        return { ...item, x: item.x + x, y: item.y + y };
    }
  });
}

// Only where it looks the same afterwards: what the upper one erases, or paints only where it is painted itself, must not
// reach the lower one's marks.
export function canMergeDown(canvas: CanvasDocument, id: string): boolean {
  const index = canvas.layers.findIndex((layer) => layer.id === id);
  const upper = canvas.layers[index];
  const lower = canvas.layers[index - 1];
  if (upper === undefined || lower?.kind !== upper.kind || lower.locked) return false;
  const plain = upper.opacity === lower.opacity && upper.visible && lower.visible;
  return plain && !upper.items.some((item) => 'erase' in item && (item.erase || item.atop === true));
}

export function mergeDown(id: string): CanvasAction {
  return {
    label: 'Merge down',
    apply: (canvas) => {
      if (!canMergeDown(canvas, id)) return canvas;
      const index = canvas.layers.findIndex((layer) => layer.id === id);
      const upper = canvas.layers[index];
      const lower = canvas.layers[index - 1];
      if (upper === undefined || lower === undefined) return canvas;
      const merged = { ...lower, x: 0, y: 0, items: [...atOrigin(lower), ...atOrigin(upper)] };
      return { ...canvas, layers: canvas.layers.toSpliced(index - 1, 2, merged) };
    },
  };
}

export function setBox(box: Box): CanvasAction {
  return {
    label: 'Painted area',
    merge: 'box',
    apply: (canvas) => (same(canvas.box, box) ? canvas : { ...canvas, box }),
  };
}

export function setForm(changes: Partial<PaintForm>): CanvasAction {
  return {
    label: 'prompt' in changes ? 'Prompt' : 'Painting settings',
    merge: `form:${Object.keys(changes).join()}`,
    apply: (canvas) =>
      same(canvas.form, changes) ? canvas : { ...canvas, form: { ...canvas.form, ...changes } },
  };
}

// A picture as a layer of its own, on top of the layers of its kind.
export function placePicture(
  item: Extract<Item, { type: 'picture' }>,
  name: string,
  kind: LayerKind = 'paint',
): CanvasAction {
  return {
    label: 'Place picture',
    apply: (canvas) => {
      const layer = {
        ...newLayer(kind, canvas.layers),
        id: item.id,
        name: name.slice(0, 200),
        items: [item],
      };
      const top = canvas.layers.findLastIndex((other) => other.kind === kind);
      const index = top < 0 && kind !== 'paint' ? canvas.layers.length : top + 1;
      return { ...canvas, layers: canvas.layers.toSpliced(index, 0, layer) };
    },
  };
}

export type { LayerKind };
