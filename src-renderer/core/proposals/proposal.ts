// An answer's actions as one step of the document, with what is to be done once it is taken. Nothing is carried out
// here: the same proposal gives the ghost that is shown and the step that is accepted.
import type { ActionName, StudioAction } from '../../../src-preload/contract/actions.ts';
import type { Scene } from '../../../src-preload/contract/answers/scene.ts';
import { type Action, together } from '../history.ts';
import { on, type StudioDocument } from '../document.ts';
import { addTarget, canvasActions, targetOf } from './canvas.ts';
import { musicActions } from './roll.ts';

// What is done beside the document, after the step.
export type Effect =
  { readonly name: 'paint' | 'undo' | 'redo' } | { readonly name: 'compose'; readonly events: number };

export interface Proposal {
  readonly step: Action<StudioDocument>;
  readonly effects: readonly Effect[];
  readonly leftOut: readonly string[]; // sentences: what cannot be done, and why
}

export interface Hand {
  layer: string | null; // the canvas's layer that is chosen
  ink: string; // of layers that steer
}

// What can be proposed on each pane: a model is not offered anything else.
export const canvasOffers: readonly ActionName[] = [
  'add-shape',
  'add-stroke',
  'add-figure',
  'erase-area',
  'clear-canvas',
  'set-prompt',
  'set-size',
  'paint',
];
export const rollOffers: readonly ActionName[] = [
  'add-track',
  'add-notes',
  'set-tempo',
  'transpose',
  'compose',
];
export const offersAnywhere: readonly ActionName[] = ['undo', 'redo'];

function effectOf(action: StudioAction): Effect | null {
  const name = action.action;
  if (name === 'compose') return { name, events: action.events };
  return name === 'paint' || name === 'undo' || name === 'redo' ? { name } : null;
}

// `id` names what is drawn, so that the same proposal draws the same things each time.
export function propose(
  id: string,
  actions: readonly StudioAction[],
  document: StudioDocument,
  hand: Hand,
): Proposal {
  const leftOut: string[] = [];
  const effects: Effect[] = [];
  const target = targetOf(document.canvas, hand.layer, `${id}-layer`, hand.ink);
  const draws = actions.some(({ action }) =>
    ['add-shape', 'add-stroke', 'add-figure', 'erase-area'].includes(action),
  );
  const steps: Action<StudioDocument>[] = draws ? addTarget(target).map((each) => on('canvas', each)) : [];
  let { canvas, music } = document;
  actions.forEach((action, index) => {
    const name = action.action;
    // A step back in the midst of a proposal would take the proposal itself back.
    if ((name === 'undo' || name === 'redo') && actions.length > 1) {
      leftOut.push(`“${name}” only goes alone`);
      return;
    }
    const effect = effectOf(action);
    if (effect !== null) effects.push(effect);
    const played = musicActions(action, music, `${id}-${index}`);
    if (typeof played === 'string') {
      leftOut.push(played);
      return;
    }
    if (played !== null) {
      steps.push(...played.map((each) => on('music', each)));
      music = played.reduce((now, each) => each.apply(now), music);
      return;
    }
    const done = canvasActions(action, target, canvas, `${id}-${index}`);
    if (done !== null) {
      steps.push(...done.map((each) => on('canvas', each)));
      canvas = done.reduce((now, each) => each.apply(now), canvas);
    }
  });
  return { step: together('Accept the proposal', steps), effects, leftOut };
}

export function sceneActions({ prompt, negative, shapes, strokes, figures }: Scene): StudioAction[] {
  return [
    { action: 'set-prompt', prompt, negative },
    ...shapes.map((shape) => ({ action: 'add-shape' as const, shape })),
    ...strokes.map((stroke) => ({ action: 'add-stroke' as const, stroke })),
    ...figures.map((figure) => ({ action: 'add-figure' as const, figure })),
  ];
}
