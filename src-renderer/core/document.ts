// The one document that a project holds: each part of the studio has its own field, its own model and its own actions
// (core/canvas/, …). One history covers all of them, so an accepted proposal that touches several is one step.
import { type CanvasDocument, emptyCanvas } from './canvas/model.ts';
import type { Action } from './history.ts';

export interface StudioDocument {
  readonly canvas: CanvasDocument;
}

export const emptyDocument = (): StudioDocument => ({ canvas: emptyCanvas() });

// An action on one part, as an action on the whole.
export function on<P extends keyof StudioDocument>(
  part: P,
  action: Action<StudioDocument[P]>,
): Action<StudioDocument> {
  return {
    ...action,
    apply: (document) => {
      const next = action.apply(document[part]);
      return next === document[part] ? document : { ...document, [part]: next };
    },
  };
}
