import { describe, expect, it } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { emptyQueue, jobToStart, jobToStop, type QueueEvent, type QueueState, reduce } from './queue.ts';

type State = QueueState<string, number>;
type Event = QueueEvent<string, number>;

const play = (events: Event[], from: State = emptyQueue()): State =>
  events.reduce(reduce<string, number>, from);
const enqueue = (id: string, at: 'back' | 'front' = 'back'): Event => ({
  type: 'enqueue',
  id,
  request: `paint ${id}`,
  at,
});
const progress = { stage: 'sample', step: 3, steps: 20, seconds: 1.5 };
const preview = { step: 3, width: 1, height: 1, pixels: new Uint8Array([1, 2, 3]) };
const failure = { status: Status.device, code: 'device-lost', message: 'the device was lost', hint: '' };
const stateOf = (state: State, id: string) => state.jobs.get(id)?.state;

describe('order', () => {
  it('runs jobs in the order in which they came', () => {
    const state = play([enqueue('a'), enqueue('b')]);
    expect(state.waiting).toEqual(['a', 'b']);
    expect(jobToStart(state)?.id).toBe('a');
  });

  it('lets a job in at the front, behind the one that runs', () => {
    const state = play([enqueue('a'), { type: 'start', id: 'a' }, enqueue('b'), enqueue('c', 'front')]);
    expect(state.running).toBe('a');
    expect(state.waiting).toEqual(['c', 'b']);
  });

  it('runs one job at a time', () => {
    const state = play([enqueue('a'), enqueue('b'), { type: 'start', id: 'a' }, { type: 'start', id: 'b' }]);
    expect(state.running).toBe('a');
    expect(stateOf(state, 'b')).toBe('queued');
    expect(jobToStart(state)).toBeNull();
  });

  it('has nothing to start when empty', () => {
    expect(jobToStart(emptyQueue())).toBeNull();
  });

  it('refuses an id that is in use', () => {
    expect(() => play([enqueue('a'), enqueue('a')])).toThrow(/in the queue already/);
  });
});

describe('a running job', () => {
  const running = play([enqueue('a'), { type: 'start', id: 'a' }]);

  it('keeps its progress, preview and notices', () => {
    const state = play(
      [
        { type: 'progress', id: 'a', progress },
        { type: 'preview', id: 'a', preview },
        { type: 'notice', id: 'a', text: 'run again in fp32' },
      ],
      running,
    );
    expect(state.jobs.get('a')).toMatchObject({ progress, preview, notices: ['run again in fp32'] });
  });

  it('ends with its result and lets go of the preview', () => {
    const state = play(
      [
        { type: 'preview', id: 'a', preview },
        { type: 'finish', id: 'a', result: 7 },
      ],
      running,
    );
    expect(state.jobs.get('a')).toMatchObject({ state: 'done', result: 7, preview: null });
    expect(state.running).toBeNull();
    expect(state.ended).toEqual(['a']);
  });

  it('ends with its failure', () => {
    const state = play([{ type: 'fail', id: 'a', failure }], running);
    expect(state.jobs.get('a')).toMatchObject({ state: 'failed', failure, result: null });
  });

  it('is not forgotten while it runs', () => {
    expect(play([{ type: 'forget', id: 'a' }], running)).toBe(running);
  });
});

it('goes on with the next job after one has failed', () => {
  const state = play([
    enqueue('a'),
    enqueue('b'),
    { type: 'start', id: 'a' },
    { type: 'fail', id: 'a', failure },
  ]);
  expect(jobToStart(state)?.id).toBe('b');
  expect(
    play(
      [
        { type: 'start', id: 'b' },
        { type: 'finish', id: 'b', result: 1 },
      ],
      state,
    ).ended,
  ).toEqual(['a', 'b']);
});

describe('cancel', () => {
  it('takes a waiting job out at once', () => {
    const state = play([enqueue('a'), enqueue('b'), { type: 'cancel', id: 'a' }]);
    expect(stateOf(state, 'a')).toBe('cancelled');
    expect(state.waiting).toEqual(['b']);
    expect(jobToStart(state)?.id).toBe('b');
  });

  it('asks a running job to stop and waits until it has', () => {
    const asked = play([enqueue('a'), enqueue('b'), { type: 'start', id: 'a' }, { type: 'cancel', id: 'a' }]);
    expect(jobToStop(asked)?.id).toBe('a');
    expect(jobToStart(asked)).toBeNull();
    const stopped = reduce(asked, { type: 'cancelled', id: 'a' });
    expect(jobToStop(stopped)).toBeNull();
    expect(stateOf(stopped, 'a')).toBe('cancelled');
    expect(jobToStart(stopped)?.id).toBe('b');
  });

  it('keeps the result of a job that finished first', () => {
    const state = play([
      enqueue('a'),
      { type: 'start', id: 'a' },
      { type: 'cancel', id: 'a' },
      { type: 'finish', id: 'a', result: 5 },
    ]);
    expect(state.jobs.get('a')).toMatchObject({ state: 'done', result: 5 });
  });

  it('is heard once', () => {
    const asked = play([enqueue('a'), { type: 'start', id: 'a' }, { type: 'cancel', id: 'a' }]);
    expect(reduce(asked, { type: 'cancel', id: 'a' })).toBe(asked);
  });

  it('still tells of progress while the job stops', () => {
    const asked = play([enqueue('a'), { type: 'start', id: 'a' }, { type: 'cancel', id: 'a' }]);
    expect(reduce(asked, { type: 'progress', id: 'a', progress }).jobs.get('a')?.progress).toEqual(progress);
  });
});

describe('events that come too late', () => {
  const ended = play([enqueue('a'), { type: 'start', id: 'a' }, { type: 'finish', id: 'a', result: 1 }]);
  const late: Event[] = [
    { type: 'start', id: 'a' },
    { type: 'progress', id: 'a', progress },
    { type: 'preview', id: 'a', preview },
    { type: 'notice', id: 'a', text: 'late' },
    { type: 'finish', id: 'a', result: 2 },
    { type: 'fail', id: 'a', failure },
    { type: 'cancel', id: 'a' },
    { type: 'cancelled', id: 'a' },
    { type: 'progress', id: 'unknown', progress },
  ];
  it.each(late)('$type of $id changes nothing', (event) => {
    expect(reduce(ended, event)).toBe(ended);
  });

  it('a report of a job that still waits changes nothing', () => {
    const waiting = play([enqueue('a')]);
    for (const event of late.slice(1, 6)) expect(reduce(waiting, event)).toBe(waiting);
  });
});

it('forgets an ended job', () => {
  const state = play([enqueue('a'), { type: 'cancel', id: 'a' }, { type: 'forget', id: 'a' }]);
  expect(state).toEqual(emptyQueue());
});

it('never changes a state that it was given', () => {
  const before = play([enqueue('a'), enqueue('b')]);
  const copy = structuredClone({ ...before, jobs: [...before.jobs] });
  play(
    [
      { type: 'start', id: 'a' },
      { type: 'finish', id: 'a', result: 1 },
      { type: 'cancel', id: 'b' },
    ],
    before,
  );
  expect({ ...before, jobs: [...before.jobs] }).toEqual(copy);
});

// Every short history of two jobs keeps the queue's promises.
it('keeps its invariants whatever happens', () => {
  const events: Event[] = ['a', 'b'].flatMap((id): Event[] => [
    { type: 'start', id },
    { type: 'progress', id, progress },
    { type: 'finish', id, result: 1 },
    { type: 'fail', id, failure },
    { type: 'cancel', id },
    { type: 'cancelled', id },
    { type: 'forget', id },
  ]);
  let seen = 0;
  const visit = (state: State, depth: number): void => {
    seen++;
    const active = [...state.jobs.values()].filter(
      (job) => job.state === 'running' || job.state === 'stopping',
    );
    expect(active.map((job) => job.id)).toEqual(state.running === null ? [] : [state.running]);
    expect([...state.waiting, ...active.map((job) => job.id), ...state.ended].sort()).toEqual(
      [...state.jobs.keys()].sort(),
    );
    if (depth === 0) return;
    for (const event of events) {
      const next = reduce(state, event);
      if (next !== state) visit(next, depth - 1);
    }
  };
  visit(play([enqueue('a'), enqueue('b')]), 5);
  expect(seen).toBeGreaterThan(500);
});
