// Drives the queue: starts the job whose turn it is, passes on its reports, lets the next one run whatever became
// of the last. Knows nothing of painting: `execute` does a job and rejects with a SluiceError.
import { asSluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Preview, Progress } from '../../src-preload/contract/figures.ts';
import {
  emptyQueue,
  type Job,
  jobToStart,
  jobToStop,
  type QueueEvent,
  type QueueState,
  reduce,
} from './queue.ts';

export interface Reports {
  progress(progress: Progress): void;
  preview(preview: Preview): void;
  notice(text: string): void;
}

export interface Running<Result> {
  readonly result: Promise<Result>;
  cancel(): void; // `result` then rejects with the status "cancelled", or resolves when it was too late
}

export type Execute<Request, Result> = (request: Request, reports: Reports) => Running<Result>;
export type Listener<Request, Result> = (
  state: QueueState<Request, Result>,
  event: QueueEvent<Request, Result>,
) => void;

export class JobRunner<Request, Result> {
  #state: QueueState<Request, Result> = emptyQueue();
  #current: { id: string; cancel: () => void; asked: boolean } | null = null;
  #listeners = new Set<Listener<Request, Result>>();
  #lastId = 0;
  readonly #execute: Execute<Request, Result>;

  constructor(execute: Execute<Request, Result>) {
    this.#execute = execute;
  }

  get state(): QueueState<Request, Result> {
    return this.#state;
  }

  // Returns the function that ends the subscription.
  subscribe(listener: Listener<Request, Result>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  enqueue(request: Request, at: 'back' | 'front' = 'back'): string {
    const id = `job-${++this.#lastId}`;
    this.#apply({ type: 'enqueue', id, request, at });
    return id;
  }

  cancel(id: string): void {
    this.#apply({ type: 'cancel', id });
  }

  // An ended job leaves the list; others stay.
  forget(id: string): void {
    this.#apply({ type: 'forget', id });
  }

  // Resolves when the job has ended, however it ended.
  ended(id: string): Promise<Job<Request, Result>> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const job = this.#state.jobs.get(id);
        if (job === undefined) {
          reject(new Error(`there is no job with the id ${id}`));
          return true;
        }
        if (job.state !== 'done' && job.state !== 'failed' && job.state !== 'cancelled') return false;
        resolve(job);
        return true;
      };
      if (look()) return;
      const stop = this.subscribe(() => {
        if (look()) stop();
      });
    });
  }

  #apply(event: QueueEvent<Request, Result>): void {
    const before = this.#state;
    this.#state = reduce(before, event);
    if (this.#state === before) return;
    for (const listener of this.#listeners) listener(this.#state, event);
    this.#act();
  }

  #act(): void {
    const stopping = jobToStop(this.#state);
    if (stopping !== null && this.#current?.id === stopping.id && !this.#current.asked) {
      this.#current.asked = true;
      this.#current.cancel();
    }
    const next = jobToStart(this.#state);
    if (next !== null) this.#start(next);
  }

  #start({ id, request }: Job<Request, Result>): void {
    this.#apply({ type: 'start', id });
    const reports: Reports = {
      progress: (progress) => this.#apply({ type: 'progress', id, progress }),
      preview: (preview) => this.#apply({ type: 'preview', id, preview }),
      notice: (text) => this.#apply({ type: 'notice', id, text }),
    };
    let running: Running<Result>;
    try {
      running = this.#execute(request, reports);
    } catch (error) {
      this.#apply({ type: 'fail', id, failure: asSluiceError(error).toFailure() });
      return;
    }
    this.#current = { id, cancel: () => running.cancel(), asked: false };
    running.result.then(
      (result) => this.#end({ type: 'finish', id, result }),
      (error: unknown) => {
        const failure = asSluiceError(error).toFailure();
        this.#end(
          failure.status === Status.cancelled ? { type: 'cancelled', id } : { type: 'fail', id, failure },
        );
      },
    );
  }

  #end(event: QueueEvent<Request, Result>): void {
    this.#current = null;
    this.#apply(event);
  }
}
