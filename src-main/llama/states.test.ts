import { describe, expect, it } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { serverState, type ServerState } from '../../src-preload/contract/language.ts';
import { type Effect, type Limits, next, type ServerEvent, type Step } from './states.ts';

const limits: Limits = { startupMs: 1000, graceMs: 200, retryMs: [10, 20, 40], settledMs: 500, idleMs: 300 };
const failure = { status: Status.device, code: 'server-crashed', message: 'it ended', hint: '' };
const exited: ServerEvent = { type: 'exited', failure, final: false };
const exitedForGood: ServerEvent = { type: 'exited', failure, final: true };
const load = (model: string): ServerEvent => ({ type: 'load', model });
const timer = (name: 'startup' | 'kill' | 'retry' | 'idle' | 'settled'): ServerEvent => ({
  type: 'timer',
  name,
});
const stopped: ServerState = { kind: 'stopped' };

const play = (events: readonly ServerEvent[], from: ServerState = stopped, bounds = limits): Step =>
  events.reduce<Step>((step, event) => next(step.state, event, bounds), { state: from, effects: [] });
const has = (effects: readonly Effect[], type: Effect['type'], name?: string): boolean =>
  effects.some(
    (effect) => effect.type === type && (name === undefined || ('name' in effect && effect.name === name)),
  );

const started: ServerEvent[] = [load('a'), { type: 'loading' }, { type: 'healthy', port: 7 }];

describe('a server that does well', () => {
  it('goes from stopped over starting and loading to ready', () => {
    const kinds = started.map((_, index) => play(started.slice(0, index + 1)).state.kind);
    expect(kinds).toEqual(['starting', 'loading', 'ready']);
  });

  it('tells of progress, which never goes back', () => {
    const loading = play([load('a'), { type: 'loading' }, { type: 'progress', value: 0.6 }]);
    expect(loading.state).toMatchObject({ kind: 'loading', progress: 0.6 });
    expect(next(loading.state, { type: 'progress', value: 0.5 }, limits).state).toBe(loading.state);
    expect(next(loading.state, { type: 'progress', value: 7 }, limits).state).toMatchObject({ progress: 1 });
  });

  it('counts the requests in flight', () => {
    const two = play([...started, { type: 'begin' }, { type: 'begin' }]);
    expect(two.state).toMatchObject({ kind: 'busy', active: 2 });
    const one = next(two.state, { type: 'end' }, limits);
    expect(one.state).toMatchObject({ kind: 'busy', active: 1 });
    expect(next(one.state, { type: 'end' }, limits).state.kind).toBe('ready');
  });

  it('is unloaded when it idles, and not while it works', () => {
    expect(play([...started, timer('idle')]).state.kind).toBe('stopping');
    expect(play([...started, { type: 'begin' }, timer('idle')]).state.kind).toBe('busy');
    expect(has(play(started, stopped, { ...limits, idleMs: null }).effects, 'timer', 'idle')).toBe(false);
  });

  it('loads the same model again without doing anything', () => {
    const { state } = play(started);
    expect(next(state, load('a'), limits)).toEqual({ state, effects: [] });
  });
});

describe('swapping', () => {
  it('ends the old process before the new one begins', () => {
    const swapping = play([...started, load('b')]);
    expect(swapping.state).toMatchObject({ kind: 'swapping', model: 'a', next: 'b' });
    expect(has(swapping.effects, 'terminate')).toBe(true);
    expect(has(swapping.effects, 'spawn')).toBe(false);
    const fresh = next(swapping.state, exited, limits);
    expect(fresh.state).toMatchObject({ kind: 'starting', model: 'b' });
    expect(has(fresh.effects, 'spawn')).toBe(true);
  });

  it('waits for the requests in flight', () => {
    const busy = play([...started, { type: 'begin' }, { type: 'begin' }, load('b'), { type: 'end' }]);
    expect(busy.state).toMatchObject({ kind: 'busy', next: 'b' });
    expect(next(busy.state, { type: 'end' }, limits).state).toMatchObject({ kind: 'swapping', next: 'b' });
  });

  it('changes its mind while it waits', () => {
    expect(play([...started, { type: 'begin' }, load('b'), load('a'), { type: 'end' }]).state).toMatchObject({
      kind: 'ready',
      model: 'a',
    });
    expect(play([...started, load('b'), load('c'), exited]).state).toMatchObject({
      kind: 'starting',
      model: 'c',
    });
  });

  it('kills what does not end in time', () => {
    const forced = play([...started, load('b'), timer('kill')]);
    expect(forced.state).toMatchObject({ kind: 'swapping', forced: true });
    expect(has(forced.effects, 'kill')).toBe(true);
  });

  it('a load after a stop becomes a swap, also to the same model', () => {
    expect(play([...started, { type: 'stop' }, load('a'), exited]).state).toMatchObject({ kind: 'starting' });
  });
});

describe('crashes', () => {
  it('tries again after growing pauses, so often and no more', () => {
    let step = play([load('a')]);
    const pauses: (number | null)[] = [];
    for (let crash = 0; crash < 4; crash++) {
      step = next(step.state, exited, limits);
      expect(step.state.kind).toBe('crashed');
      if (step.state.kind === 'crashed') pauses.push(step.state.retryMs);
      const again = next(step.state, timer('retry'), limits);
      expect(has(again.effects, 'spawn')).toBe(crash < 3);
      step = crash < 3 ? again : step;
    }
    expect(pauses).toEqual([10, 20, 40, null]);
  });

  it('forgets crashes once it has run well for a while', () => {
    const second = play([
      load('a'),
      exited,
      timer('retry'),
      { type: 'loading' },
      { type: 'healthy', port: 7 },
    ]);
    expect(second.state).toMatchObject({ attempt: 1 });
    expect(next(second.state, timer('settled'), limits).state).toMatchObject({ attempt: 0 });
  });

  it('does not try again what would end the same', () => {
    expect(play([load('a'), exitedForGood]).state).toMatchObject({ kind: 'crashed', retryMs: null });
  });

  it('a wish begins a new count', () => {
    const state = play([load('a'), exited, timer('retry'), exited, load('a')]).state;
    expect(state).toMatchObject({ kind: 'starting', attempt: 0 });
  });

  it('in flight with another model waiting: that one is loaded', () => {
    const { state } = play([...started, { type: 'begin' }, load('b'), exited]);
    expect(state).toMatchObject({ kind: 'starting', model: 'b', attempt: 0 });
  });

  it('kills what hangs, at start and later', () => {
    expect(has(play([load('a'), timer('startup')]).effects, 'kill')).toBe(true);
    expect(has(play([...started, { type: 'hung' }]).effects, 'kill')).toBe(true);
    expect(has(play([...started, timer('startup')]).effects, 'kill')).toBe(false);
  });
});

describe('absent', () => {
  it('is told when there is no binary, and tried again on a wish', () => {
    const { state } = play([load('a'), { type: 'absent', failure }]);
    expect(state.kind).toBe('absent');
    expect(next(state, load('a'), limits).state.kind).toBe('starting');
  });
});

// Every history of seven events keeps the promises: at most one process at a time, none left when it rests, and
// every wait has a timer that ends it.
it('keeps its invariants whatever happens', () => {
  const events: ServerEvent[] = [
    load('a'),
    load('b'),
    { type: 'stop' },
    { type: 'absent', failure },
    { type: 'loading' },
    { type: 'progress', value: 0.5 },
    { type: 'healthy', port: 7 },
    { type: 'begin' },
    { type: 'end' },
    { type: 'hung' },
    exited,
    exitedForGood,
    timer('startup'),
    timer('kill'),
    timer('retry'),
    timer('idle'),
    timer('settled'),
  ];
  interface World {
    alive: boolean;
    timers: ReadonlySet<string>;
  }
  const hasProcess = new Set(['starting', 'loading', 'ready', 'busy', 'swapping', 'stopping']);
  const seen = new Set<string>();
  let steps = 0;

  const possible = (world: World, event: ServerEvent): boolean => {
    if (event.type === 'timer') return world.timers.has(event.name);
    if (['exited', 'absent', 'loading', 'healthy', 'hung'].includes(event.type)) return world.alive;
    return true;
  };
  const follow = (world: World, event: ServerEvent, step: Step, state: ServerState): World => {
    const timers = new Set(world.timers);
    let { alive } = world;
    if (event.type === 'timer') timers.delete(event.name);
    if (event.type === 'exited' || event.type === 'absent') alive = false;
    for (const effect of step.effects) {
      if (effect.type === 'spawn') {
        expect(alive, `spawn beside a living process, from ${state.kind} by ${event.type}`).toBe(false);
        alive = true;
      }
      if (effect.type === 'terminate' || effect.type === 'kill') expect(alive).toBe(true);
      if (effect.type === 'timer') timers.add(effect.name);
      if (effect.type === 'cancel') timers.delete(effect.name);
    }
    return { alive, timers };
  };
  const visit = (state: ServerState, world: World, depth: number): void => {
    expect(serverState.safeParse(state).success).toBe(true);
    expect(world.alive, state.kind).toBe(hasProcess.has(state.kind));
    if (state.kind === 'starting' || state.kind === 'loading') expect(world.timers.has('startup')).toBe(true);
    if (state.kind === 'stopping' || state.kind === 'swapping') expect(world.timers.has('kill')).toBe(true);
    if (state.kind === 'crashed') expect(world.timers.has('retry')).toBe(state.retryMs !== null);
    if (state.kind === 'ready') expect(world.timers.has('idle')).toBe(true);
    if (state.kind === 'stopped' || state.kind === 'absent') expect([...world.timers]).toEqual([]);
    const key = JSON.stringify([state, world.alive, [...world.timers].sort(), depth]);
    if (depth === 0 || seen.has(key)) return;
    seen.add(key);
    for (const event of events) {
      if (!possible(world, event)) continue;
      const before = structuredClone(state);
      const step = next(state, event, limits);
      steps++;
      expect(state).toEqual(before);
      visit(step.state, follow(world, event, step, state), depth - 1);
    }
  };
  visit(stopped, { alive: false, timers: new Set() }, 7);
  expect(steps).toBeGreaterThan(2000);
});
