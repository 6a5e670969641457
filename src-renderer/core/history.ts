// Undo and redo over immutable documents. A step keeps the document as it was before it; documents share all that did
// not change, so a step costs what it changed. Knows nothing of what a document holds.

// Something a person did, as a change of the document. `merge` joins it with the step before it when that has the same
// key (a slider being dragged, a text being typed); without one it is a step of its own.
export interface Action<D> {
  readonly label: string;
  readonly merge?: string;
  apply(document: D): D;
}

export interface Step<D> {
  readonly label: string;
  readonly merge: string | null;
  readonly other: D; // the document on the far side of the step
}

export interface History<D> {
  readonly present: D;
  readonly past: readonly Step<D>[];
  readonly future: readonly Step<D>[]; // the next one to redo last
}

// Enough for hours of work; the oldest steps are let go.
export const MAX_STEPS = 1000;

export const beginHistory = <D>(present: D): History<D> => ({ present, past: [], future: [] });

// An action that changes nothing is no step.
export function perform<D>(history: History<D>, action: Action<D>): History<D> {
  const next = action.apply(history.present);
  if (next === history.present) return history;
  const last = history.past.at(-1);
  const merge = action.merge ?? null;
  if (merge !== null && last?.merge === merge && history.future.length === 0) {
    return { ...history, present: next };
  }
  const step: Step<D> = { label: action.label, merge, other: history.present };
  return { present: next, past: [...history.past, step].slice(-MAX_STEPS), future: [] };
}

// The gesture is over: what comes next is a step of its own.
export function seal<D>(history: History<D>): History<D> {
  const last = history.past.at(-1);
  if (last === undefined || last.merge === null) return history;
  return { ...history, past: [...history.past.slice(0, -1), { ...last, merge: null }] };
}

export function undo<D>(history: History<D>): History<D> {
  const step = history.past.at(-1);
  if (step === undefined) return history;
  return {
    present: step.other,
    past: history.past.slice(0, -1),
    future: [...history.future, { ...step, merge: null, other: history.present }],
  };
}

export function redo<D>(history: History<D>): History<D> {
  const step = history.future.at(-1);
  if (step === undefined) return history;
  return {
    present: step.other,
    past: [...history.past, { ...step, other: history.present }],
    future: history.future.slice(0, -1),
  };
}

// Several actions as one step: an accepted proposal, a paste.
export function together<D>(label: string, actions: readonly Action<D>[]): Action<D> {
  return { label, apply: (document) => actions.reduce((now, action) => action.apply(now), document) };
}

// Something that happened and is not undone (an answer that came), told to every document that the history holds:
// going back does not lose it. `change` must be pure and is asked once for each document.
export function amend<D>(history: History<D>, change: (document: D) => D): History<D> {
  const step = (each: Step<D>): Step<D> => {
    const other = change(each.other);
    return other === each.other ? each : { ...each, other };
  };
  return {
    present: change(history.present),
    past: history.past.map(step),
    future: history.future.map(step),
  };
}
