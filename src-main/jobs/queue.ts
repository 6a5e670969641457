// The job queue as a pure state machine: `reduce(state, event)` gives the next state and touches nothing else.
// Who runs jobs (runner.ts) asks `jobToStart` and `jobToStop` after each event and reports back by events.
// Not here: clocks, timers, the engine. One job runs at a time, because jobs share one device's memory.
import type { Failure } from '../../src-preload/contract/errors.ts';
import type { Preview, Progress } from '../../src-preload/contract/figures.ts';

export type JobState = 'queued' | 'running' | 'stopping' | 'done' | 'failed' | 'cancelled';

export interface Job<Request, Result> {
  readonly id: string;
  readonly request: Request;
  readonly state: JobState;
  readonly progress: Progress | null;
  readonly preview: Preview | null;
  readonly notices: readonly string[];
  readonly result: Result | null;
  readonly failure: Failure | null;
}

export interface QueueState<Request, Result> {
  readonly jobs: ReadonlyMap<string, Job<Request, Result>>;
  readonly waiting: readonly string[]; // in the order in which they will run
  readonly running: string | null;
  readonly ended: readonly string[]; // in the order in which they ended
}

export type QueueEvent<Request, Result> =
  | { type: 'enqueue'; id: string; request: Request; at: 'back' | 'front' }
  | { type: 'start'; id: string }
  | { type: 'progress'; id: string; progress: Progress }
  | { type: 'preview'; id: string; preview: Preview }
  | { type: 'notice'; id: string; text: string }
  | { type: 'finish'; id: string; result: Result }
  | { type: 'fail'; id: string; failure: Failure }
  | { type: 'cancel'; id: string } // a person's wish: a waiting job is cancelled at once, a running one is asked
  | { type: 'cancelled'; id: string } // the running job has stopped
  | { type: 'forget'; id: string }; // an ended job leaves the list

export function emptyQueue<Request, Result>(): QueueState<Request, Result> {
  return { jobs: new Map(), waiting: [], running: null, ended: [] };
}

const isActive = (state: JobState): boolean => state === 'running' || state === 'stopping';

// Events that no longer fit (a late progress report, a second cancel) return the same state: processes report
// asynchronously, so they are normal. An id that is used twice is a caller's mistake and throws.
export function reduce<Request, Result>(
  state: QueueState<Request, Result>,
  event: QueueEvent<Request, Result>,
): QueueState<Request, Result> {
  if (event.type === 'enqueue') {
    if (state.jobs.has(event.id)) throw new Error(`a job with the id ${event.id} is in the queue already`);
    const job: Job<Request, Result> = {
      id: event.id,
      request: event.request,
      state: 'queued',
      progress: null,
      preview: null,
      notices: [],
      result: null,
      failure: null,
    };
    const waiting = event.at === 'front' ? [event.id, ...state.waiting] : [...state.waiting, event.id];
    return { ...state, jobs: new Map(state.jobs).set(event.id, job), waiting };
  }

  const job = state.jobs.get(event.id);
  if (job === undefined) return state;
  const change = (changes: Partial<Job<Request, Result>>): ReadonlyMap<string, Job<Request, Result>> =>
    new Map(state.jobs).set(event.id, { ...job, ...changes });
  const end = (changes: Partial<Job<Request, Result>>): QueueState<Request, Result> => ({
    jobs: change({ preview: null, ...changes }),
    waiting: state.waiting.filter((id) => id !== event.id),
    running: state.running === event.id ? null : state.running,
    ended: [...state.ended, event.id],
  });

  switch (event.type) {
    case 'start':
      if (job.state !== 'queued' || state.running !== null) return state;
      return {
        ...state,
        jobs: change({ state: 'running' }),
        waiting: state.waiting.filter((id) => id !== event.id),
        running: event.id,
      };
    case 'progress':
      return isActive(job.state) ? { ...state, jobs: change({ progress: event.progress }) } : state;
    case 'preview':
      return isActive(job.state) ? { ...state, jobs: change({ preview: event.preview }) } : state;
    case 'notice':
      return isActive(job.state)
        ? { ...state, jobs: change({ notices: [...job.notices, event.text] }) }
        : state;
    case 'finish':
      // A job that finishes before it saw the wish to stop is done: its result is not thrown away.
      return isActive(job.state) ? end({ state: 'done', result: event.result }) : state;
    case 'fail':
      return isActive(job.state) ? end({ state: 'failed', failure: event.failure }) : state;
    case 'cancel':
      if (job.state === 'queued') return end({ state: 'cancelled' });
      return job.state === 'running' ? { ...state, jobs: change({ state: 'stopping' }) } : state;
    case 'cancelled':
      return isActive(job.state) ? end({ state: 'cancelled' }) : state;
    case 'forget': {
      if (job.state === 'queued' || isActive(job.state)) return state;
      const jobs = new Map(state.jobs);
      jobs.delete(event.id);
      return { ...state, jobs, ended: state.ended.filter((id) => id !== event.id) };
    }
  }
}

// The job whose turn it is, or null while another runs or none waits.
export function jobToStart<Request, Result>(state: QueueState<Request, Result>): Job<Request, Result> | null {
  const first = state.waiting[0];
  if (state.running !== null || first === undefined) return null;
  return state.jobs.get(first) ?? null;
}

// The running job that a person wants stopped, or null.
export function jobToStop<Request, Result>(state: QueueState<Request, Result>): Job<Request, Result> | null {
  const running = state.running === null ? undefined : state.jobs.get(state.running);
  return running?.state === 'stopping' ? running : null;
}
