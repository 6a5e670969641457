// Requests to the supervisor's server: each waits for its turn (schedule.ts), gets a slot, and may be given up at any
// time, which frees the slot at once. Not here: what a request is made of.
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Endpoint } from './http.ts';
import {
  emptySchedule,
  enqueue,
  left,
  type Schedule,
  served,
  started,
  swapped,
  type Ticket,
  turn,
} from './schedule.ts';
import type { Supervisor, Work } from './supervisor.ts';

export interface Turn {
  readonly endpoint: Endpoint;
  readonly slot: number;
  served(tokens: number): void; // as they come, for fairness
}

class ServerGone extends SluiceError {
  constructor(cause: SluiceError) {
    super(cause.status, cause.code, cause.message, cause.hint, { cause });
  }
}

interface Pending {
  ticket: Ticket;
  begin(work: Work, slot: number): void;
  fail(error: unknown): void;
}

export class Router {
  readonly #supervisor: Supervisor;
  #schedule: Schedule;
  #pending = new Map<string, Pending>();
  #lastId = 0;
  #loading: AbortController | null = null;
  #process: Work['exited'] | null = null;

  constructor(supervisor: Supervisor, slots: number) {
    this.#supervisor = supervisor;
    this.#schedule = emptySchedule(slots);
  }

  get schedule(): Schedule {
    return this.#schedule;
  }

  // Runs `task` when its turn has come. A signal that is given up takes it out of the queue, or is the task's to heed.
  // A task that found the server dead is run once more on the next process: nothing had come of it.
  async run<Result>(
    wanted: Omit<Ticket, 'id'>,
    signal: AbortSignal,
    task: (turn: Turn) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#once(wanted, signal, task);
    } catch (error) {
      if (!(error instanceof ServerGone)) throw error;
      return await this.#once(wanted, signal, task);
    }
  }

  async #once<Result>(
    wanted: Omit<Ticket, 'id'>,
    signal: AbortSignal,
    task: (turn: Turn) => Promise<Result>,
  ): Promise<Result> {
    const id = `ask-${++this.#lastId}`;
    const ticket: Ticket = { ...wanted, id };
    const { work, slot } = await this.#wait(ticket, signal);
    try {
      return await task({
        endpoint: work.endpoint,
        slot,
        served: (tokens) => {
          this.#schedule = served(this.#schedule, ticket, tokens);
        },
      });
    } catch (error) {
      throw await this.#explained(error, work, signal);
    } finally {
      work.end();
      this.#leave(id);
    }
  }

  // A connection breaks before its process is known to have ended: what follows is to find that known.
  async #explained(error: unknown, work: Work, signal: AbortSignal): Promise<unknown> {
    const broken = error instanceof SluiceError && /^(server-unreachable|answer-cut)$/.test(error.code);
    if (!broken || signal.aborted) return error;
    const patience = new Promise<'alive'>((resolve) => setTimeout(() => resolve('alive'), 500));
    const ended = await Promise.race([work.exited.then(() => 'ended'), patience]);
    return ended === 'ended' && error.code === 'server-unreachable' ? new ServerGone(error) : error;
  }

  #wait(ticket: Ticket, signal: AbortSignal): Promise<{ work: Work; slot: number }> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal.reason as Error);
        this.#pending.delete(ticket.id);
        this.#leave(ticket.id);
        if (this.#pending.size === 0) this.#loading?.abort(signal.reason);
      };
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(ticket.id, {
        ticket,
        begin: (work, slot) => {
          signal.removeEventListener('abort', onAbort);
          this.#pending.delete(ticket.id);
          resolve({ work, slot });
        },
        fail: (error) => {
          signal.removeEventListener('abort', onAbort);
          this.#pending.delete(ticket.id);
          this.#schedule = left(this.#schedule, ticket.id);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      });
      this.#schedule = enqueue(this.#schedule, ticket);
      this.#act();
    });
  }

  #leave(id: string): void {
    this.#schedule = left(this.#schedule, id);
    this.#act();
  }

  #act(): void {
    while (this.#loading === null) {
      const next = turn(this.#schedule);
      if (next === null) return;
      if (next.type === 'swap') {
        void this.#load(next.model);
        return;
      }
      // Taken before the server is asked, so that nobody else gets the slot.
      this.#schedule = started(this.#schedule, next.ticket, next.slot);
      void this.#begin(next.ticket, next.slot);
    }
  }

  // All who wait for a model that cannot be loaded are told so.
  async #load(model: string): Promise<void> {
    const loading = new AbortController();
    this.#loading = loading;
    try {
      const work = await this.#supervisor.work(model, loading.signal);
      this.#process = work.exited;
      work.end();
      this.#schedule = swapped(this.#schedule, model);
    } catch (error) {
      for (const pending of [...this.#pending.values()])
        if (pending.ticket.model === model) pending.fail(error);
    }
    this.#loading = null;
    this.#act();
  }

  async #begin(ticket: Ticket, slot: number): Promise<void> {
    const pending = this.#pending.get(ticket.id);
    try {
      const work = await this.#supervisor.work(ticket.model);
      // A new process has read nothing yet.
      if (work.exited !== this.#process) this.#schedule = swapped(this.#schedule, ticket.model);
      this.#process = work.exited;
      if (this.#pending.has(ticket.id)) {
        pending?.begin(work, slot);
      } else {
        work.end(); // given up meanwhile
        this.#leave(ticket.id);
      }
    } catch (error) {
      pending?.fail(error);
      this.#leave(ticket.id);
    }
  }
}

export const givenUp = (): SluiceError =>
  new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
