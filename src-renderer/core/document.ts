// The one document that a project holds: each part of the studio has its own field, its own model and its own actions
// (core/canvas/, …). One history covers all of them, so an accepted proposal that touches several is one step.
import { z } from 'zod';
import { canvasDocument, type CanvasDocument, emptyCanvas } from './canvas/model.ts';
import { chatDocument, type ChatDocument, emptyChat } from './chat/model.ts';
import type { Action } from './history.ts';
import { emptyMusic, musicDocument, type MusicDocument } from './music/model.ts';

export interface StudioDocument {
  readonly canvas: CanvasDocument;
  readonly music: MusicDocument;
  readonly chat: ChatDocument;
}

// As it lies in projects. A part that is younger than the project's file begins empty.
export const studioDocument: z.ZodType<StudioDocument> = z.object({
  canvas: canvasDocument.default(emptyCanvas),
  music: musicDocument.default(emptyMusic),
  chat: chatDocument.default(emptyChat),
});

export const emptyDocument = (): StudioDocument => ({
  canvas: emptyCanvas(),
  music: emptyMusic(),
  chat: emptyChat(),
});

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
