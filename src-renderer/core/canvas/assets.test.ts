import { expect, it } from 'vitest';
import { beginHistory, perform, undo } from '../history.ts';
import { placePicture, removeLayer } from './actions.ts';
import { assetsOf } from './assets.ts';
import { type CanvasDocument, emptyCanvas } from './model.ts';

const picture = (n: number) =>
  placePicture(
    { type: 'picture', id: `p${n}`, asset: `asset ${n}`, x: 0, y: 0, width: 64, height: 64 },
    `${n}`,
  );

it('names the pictures that some step of the history leads back to, and no others', () => {
  const all = (history: ReturnType<typeof beginHistory<CanvasDocument>>): string[] => {
    const { present, past, future } = history;
    return [
      ...assetsOf([present, ...past, ...future].map((one) => ('other' in one ? one.other : one))),
    ].sort();
  };
  let history = beginHistory(emptyCanvas());
  for (const n of [1, 2, 3]) history = perform(history, picture(n));
  history = perform(history, removeLayer(history.present.layers.at(-1)?.id ?? ''));
  expect(all(history)).toEqual(['asset 1', 'asset 2', 'asset 3']); // taken away, and could come back
  history = undo(undo(history));
  expect(all(history)).toEqual(['asset 1', 'asset 2', 'asset 3']); // undone, and could be redone
  history = perform(history, picture(4));
  expect(all(history)).toEqual(['asset 1', 'asset 2', 'asset 4']); // nothing leads to the third any more
});
