// The life of one llama-server as a pure state machine: `next(state, event)` gives the next state and what is to be
// done for it, and touches nothing itself. supervisor.ts carries the effects out and reports back by events.
// Not here: clocks, processes, HTTP, and who may use how much memory.
import type { Failure } from '../../src-preload/contract/errors.ts';
import type { ServerState } from '../../src-preload/contract/language.ts';

export type ServerEvent =
  | { type: 'load'; model: string }
  | { type: 'stop' }
  | { type: 'absent'; failure: Failure } // there is no binary, or it cannot be used
  | { type: 'loading' } // it has begun to read the model
  | { type: 'progress'; value: number }
  | { type: 'healthy'; port: number }
  | { type: 'begin' } // a request is sent
  | { type: 'end' } // and is over
  | { type: 'hung' } // it no longer answers
  | { type: 'exited'; failure: Failure; final: boolean } // final: another try would end the same
  | { type: 'timer'; name: TimerName };

export type TimerName = 'startup' | 'kill' | 'retry' | 'idle' | 'settled';

export type Effect =
  | { type: 'spawn'; model: string }
  | { type: 'terminate' }
  | { type: 'kill' }
  | { type: 'timer'; name: TimerName; ms: number }
  | { type: 'cancel'; name: TimerName };

export interface Limits {
  startupMs: number; // to become healthy
  graceMs: number; // between asking it to end and ending it
  retryMs: readonly number[]; // the pauses before each further try; their number is the cap
  settledMs: number; // healthy for so long: earlier crashes are forgotten
  idleMs: number | null; // without requests: unloaded; null: never
}

export interface Step {
  state: ServerState;
  effects: readonly Effect[];
}

const startFresh = (model: string, attempt: number, limits: Limits): Step => ({
  state: { kind: 'starting', model, attempt },
  effects: [
    { type: 'spawn', model },
    { type: 'timer', name: 'startup', ms: limits.startupMs },
  ],
});

const idleTimer = (limits: Limits): Effect[] =>
  limits.idleMs === null ? [] : [{ type: 'timer', name: 'idle', ms: limits.idleMs }];

const quiet: Effect[] = [
  { type: 'cancel', name: 'startup' },
  { type: 'cancel', name: 'idle' },
  { type: 'cancel', name: 'settled' },
];

const endProcess = (limits: Limits): Effect[] => [
  ...quiet,
  { type: 'terminate' },
  { type: 'timer', name: 'kill', ms: limits.graceMs },
];

type Alive = Extract<ServerState, { kind: 'starting' | 'loading' | 'ready' | 'busy' }>;

const isAlive = (state: ServerState): state is Alive =>
  state.kind === 'starting' || state.kind === 'loading' || state.kind === 'ready' || state.kind === 'busy';

// The process ended by itself: try again after a pause, unless that would not help.
function crashed(state: Alive, failure: Failure, final: boolean, limits: Limits): Step {
  const next = state.kind === 'busy' ? state.next : null;
  // Another model is wanted anyway: it gets its own tries.
  if (next !== null) {
    const fresh = startFresh(next, 0, limits);
    return { state: fresh.state, effects: [...quiet, ...fresh.effects] };
  }
  const retryMs = final ? null : (limits.retryMs[state.attempt] ?? null);
  const { model, attempt } = state;
  return {
    state: { kind: 'crashed', model, attempt, failure, retryMs },
    effects: [
      ...quiet,
      ...(retryMs === null ? [] : [{ type: 'timer', name: 'retry', ms: retryMs } as const]),
    ],
  };
}

function load(state: ServerState, model: string, limits: Limits): Step {
  const same: Step = { state, effects: [] };
  switch (state.kind) {
    case 'absent':
    case 'stopped':
      return startFresh(model, 0, limits);
    case 'crashed': {
      // A person's wish counts more than the pause, and begins a new count of tries.
      const fresh = startFresh(model, 0, limits);
      return { state: fresh.state, effects: [{ type: 'cancel', name: 'retry' }, ...fresh.effects] };
    }
    case 'starting':
    case 'loading':
    case 'ready':
      if (state.model === model) return same;
      return {
        state: { kind: 'swapping', model: state.model, next: model, forced: false },
        effects: endProcess(limits),
      };
    case 'busy': {
      const next = state.model === model ? null : model;
      return next === state.next ? same : { state: { ...state, next }, effects: [] };
    }
    case 'swapping':
      return state.next === model ? same : { state: { ...state, next: model }, effects: [] };
    case 'stopping':
      return {
        state: { kind: 'swapping', model: state.model, next: model, forced: state.forced },
        effects: [],
      };
  }
}

function stop(state: ServerState, limits: Limits): Step {
  switch (state.kind) {
    case 'absent':
    case 'stopped':
    case 'stopping':
      return { state, effects: [] };
    case 'crashed':
      return { state: { kind: 'stopped' }, effects: [{ type: 'cancel', name: 'retry' }] };
    case 'swapping':
      return { state: { kind: 'stopping', model: state.model, forced: state.forced }, effects: [] };
    case 'starting':
    case 'loading':
    case 'ready':
    case 'busy':
      return { state: { kind: 'stopping', model: state.model, forced: false }, effects: endProcess(limits) };
  }
}

function timer(state: ServerState, name: TimerName, limits: Limits): Step {
  const same: Step = { state, effects: [] };
  switch (name) {
    case 'startup':
      // Its exit follows, and is then a crash like any other.
      return state.kind === 'starting' || state.kind === 'loading'
        ? { state, effects: [{ type: 'kill' }, { type: 'timer', name: 'startup', ms: limits.graceMs }] }
        : same;
    case 'kill':
      return state.kind === 'stopping' || state.kind === 'swapping'
        ? {
            state: { ...state, forced: true },
            effects: [{ type: 'kill' }, { type: 'timer', name: 'kill', ms: limits.graceMs }],
          }
        : same;
    case 'retry':
      return state.kind === 'crashed' && state.retryMs !== null
        ? startFresh(state.model, state.attempt + 1, limits)
        : same;
    case 'idle':
      return state.kind === 'ready' ? stop(state, limits) : same;
    case 'settled':
      return state.kind === 'ready' || state.kind === 'busy'
        ? { state: { ...state, attempt: 0 }, effects: [] }
        : same;
  }
}

// Events that no longer fit (a late line of the log, a second exit) change nothing: processes report asynchronously.
export function next(state: ServerState, event: ServerEvent, limits: Limits): Step {
  const same: Step = { state, effects: [] };
  switch (event.type) {
    case 'load':
      return load(state, event.model, limits);
    case 'stop':
      return stop(state, limits);
    case 'timer':
      return timer(state, event.name, limits);
    case 'absent':
      if (state.kind === 'stopping' || state.kind === 'swapping')
        return {
          state: { kind: 'absent', failure: event.failure },
          effects: [{ type: 'cancel', name: 'kill' }],
        };
      return isAlive(state)
        ? { state: { kind: 'absent', failure: event.failure }, effects: quiet }
        : state.kind === 'stopped'
          ? { state: { kind: 'absent', failure: event.failure }, effects: [] }
          : same;
    case 'loading':
      if (state.kind !== 'starting') return same;
      return { state: { ...state, kind: 'loading', progress: 0 }, effects: [] };
    case 'progress': {
      if (state.kind !== 'loading') return same;
      const progress = Math.min(1, Math.max(state.progress, event.value)); // it never goes back
      return progress === state.progress ? same : { state: { ...state, progress }, effects: [] };
    }
    case 'healthy':
      if (state.kind !== 'starting' && state.kind !== 'loading') return same;
      return {
        state: { kind: 'ready', model: state.model, attempt: state.attempt, port: event.port },
        effects: [
          { type: 'cancel', name: 'startup' },
          { type: 'timer', name: 'settled', ms: limits.settledMs },
          ...idleTimer(limits),
        ],
      };
    case 'begin':
      if (state.kind === 'ready')
        return {
          state: { ...state, kind: 'busy', active: 1, next: null },
          effects: [{ type: 'cancel', name: 'idle' }],
        };
      return state.kind === 'busy' ? { state: { ...state, active: state.active + 1 }, effects: [] } : same;
    case 'end': {
      if (state.kind !== 'busy') return same;
      if (state.active > 1) return { state: { ...state, active: state.active - 1 }, effects: [] };
      const { model, attempt, port } = state;
      if (state.next !== null)
        return {
          state: { kind: 'swapping', model, next: state.next, forced: false },
          effects: endProcess(limits),
        };
      return { state: { kind: 'ready', model, attempt, port }, effects: idleTimer(limits) };
    }
    case 'hung':
      // What does not answer would not end by being asked either.
      return state.kind === 'ready' || state.kind === 'busy' ? { state, effects: [{ type: 'kill' }] } : same;
    case 'exited':
      if (isAlive(state)) return crashed(state, event.failure, event.final, limits);
      if (state.kind === 'stopping')
        return { state: { kind: 'stopped' }, effects: [{ type: 'cancel', name: 'kill' }] };
      if (state.kind === 'swapping') {
        const fresh = startFresh(state.next, 0, limits);
        return { state: fresh.state, effects: [{ type: 'cancel', name: 'kill' }, ...fresh.effects] };
      }
      return same;
  }
}
