// Carries out what states.ts decides: starts and ends the process, watches its health, keeps its log, runs the
// timers. One supervisor owns at most one llama-server. Not here: which request goes when (router.ts).
import { asSluiceError, SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { ServerState } from '../../src-preload/contract/language.ts';
import type { Endpoint } from './http.ts';
import type { Guard } from './launch.ts';
import type { LogFile } from './log-file.ts';
import { ServerProcess } from './process.ts';
import { endingOf } from './reasons.ts';
import { type Effect, type Limits, next, type ServerEvent, type TimerName } from './states.ts';

// How a model is to be started: made anew for each start, because memory and devices change.
export interface StartPlan {
  binary: string;
  args: readonly string[];
  modelBytes: number; // for the progress of loading
  release(): void; // gives back what was leased for it; called once, when its process has ended
}

export interface SupervisorOptions {
  // Throws a SluiceError when there is no binary, or the model cannot be run. `letGo` is called when the memory
  // that was leased is wanted by somebody else.
  plan(model: string, letGo: () => void): Promise<StartPlan>;
  log: LogFile;
  limits?: Partial<Limits>;
  healthEveryMs?: number;
  healthTimeoutMs?: number;
  guard?: Guard;
}

export const defaultLimits: Limits = {
  startupMs: 120_000,
  graceMs: 2500, // with pings every second, a server that is asked to end has done so by then
  retryMs: [250, 1000, 4000, 8000],
  settledMs: 60_000,
  idleMs: 10 * 60_000,
};

export interface Work {
  readonly endpoint: Endpoint;
  readonly exited: Promise<unknown>; // the process that this work runs on has ended
  end(): void;
}

export type StateListener = (state: ServerState, event: ServerEvent) => void;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #limits: Limits;
  #state: ServerState = { kind: 'stopped' };
  #process: ServerProcess | null = null;
  #timers = new Map<TimerName, NodeJS.Timeout>();
  #listeners = new Set<StateListener>();
  #unloadWhenIdle = false;
  #endAsked = false; // of the process that is still being prepared

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  get state(): ServerState {
    return this.#state;
  }

  // Of the process, when there is one: for tests and figures.
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  // Returns the function that ends the subscription.
  subscribe(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Loads the model if need be, and begins a piece of work on it, which the caller must end. Waits for tries after a
  // crash; rejects with the reason when there is no further one.
  async work(model: string, signal?: AbortSignal): Promise<Work> {
    this.#dispatchLoad(model);
    await this.#settledOn(model, signal);
    const server = this.#process;
    if (server === null) throw new Error('a server that is ready has no process');
    this.#dispatch({ type: 'begin' });
    let ended = false;
    return {
      endpoint: server.endpoint,
      exited: server.exited,
      end: () => {
        if (ended) return;
        ended = true;
        // The work of a process that has ended since is not counted in the next one's.
        if (this.#process === server) this.#dispatch({ type: 'end' });
        if (this.#unloadWhenIdle && this.#state.kind === 'ready') this.#dispatch({ type: 'stop' });
      },
    };
  }

  async stop(): Promise<void> {
    this.#dispatch({ type: 'stop' });
    await this.#until(
      (state) => state.kind === 'stopped' || state.kind === 'absent' || state.kind === 'crashed',
    );
  }

  // The memory is wanted elsewhere: at once when idle, else after the work in flight.
  letGo(): void {
    this.#unloadWhenIdle = true;
    if (this.#state.kind === 'ready') this.#dispatch({ type: 'stop' });
  }

  #dispatchLoad(model: string): void {
    const { state } = this;
    // A crash that is being mended is not begun anew by each request that comes.
    if (state.kind === 'crashed' && state.model === model && state.retryMs !== null) return;
    this.#dispatch({ type: 'load', model });
  }

  #settledOn(model: string, signal?: AbortSignal): Promise<void> {
    const fails = (failure: { status: 1 | 2 | 3 | 4 | 130; code: string; message: string; hint: string }) =>
      new SluiceError(failure.status, failure.code, failure.message, failure.hint);
    let problem: SluiceError | null = null;
    const done = (state: ServerState): boolean => {
      if (state.kind === 'ready' && state.model === model) return true;
      if (state.kind === 'busy' && state.model === model && state.next === null) return true;
      if (state.kind === 'absent') problem = fails(state.failure);
      else if (state.kind === 'crashed' && state.retryMs === null) problem = fails(state.failure);
      else if (state.kind === 'stopped')
        problem = new SluiceError(Status.cancelled, 'server-stopped', 'the language server was stopped');
      return problem !== null;
    };
    return this.#until(done, signal).then(() => {
      if (problem !== null) throw problem;
    });
  }

  #until(done: (state: ServerState) => boolean, signal?: AbortSignal): Promise<void> {
    if (done(this.#state)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        stopListening();
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason as Error);
      };
      const stopListening = this.subscribe((state) => {
        if (!done(state)) return;
        leave();
        resolve();
      });
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #dispatch(event: ServerEvent): void {
    const before = this.#state;
    const step = next(before, event, this.#limits);
    this.#state = step.state;
    for (const effect of step.effects) this.#carryOut(effect);
    if (step.state !== before) for (const listener of [...this.#listeners]) listener(step.state, event);
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'spawn':
        this.#endAsked = false;
        this.#unloadWhenIdle = false;
        void this.#start(effect.model);
        return;
      case 'terminate':
        this.#endAsked = true;
        this.#process?.terminate();
        return;
      case 'kill':
        this.#endAsked = true;
        this.#process?.kill();
        return;
      case 'timer':
        clearTimeout(this.#timers.get(effect.name));
        this.#timers.set(
          effect.name,
          setTimeout(() => {
            this.#timers.delete(effect.name);
            this.#dispatch({ type: 'timer', name: effect.name });
          }, effect.ms),
        );
        // Waiting for idleness keeps no program alive.
        if (effect.name === 'idle' || effect.name === 'settled') this.#timers.get(effect.name)?.unref();
        return;
      case 'cancel':
        clearTimeout(this.#timers.get(effect.name));
        this.#timers.delete(effect.name);
    }
  }

  async #start(model: string): Promise<void> {
    let plan: StartPlan;
    try {
      plan = await this.#options.plan(model, () => this.letGo());
    } catch (error) {
      this.#options.log.line(`sluice: ${asSluiceError(error).message}`);
      this.#dispatch({ type: 'absent', failure: asSluiceError(error).toFailure() });
      return;
    }
    const { log } = this.#options;
    if (this.#endAsked) {
      plan.release();
      const failure = {
        status: Status.cancelled,
        code: 'cancelled',
        message: 'it was not wanted any more',
        hint: '',
      };
      this.#dispatch({ type: 'exited', failure, final: true });
      return;
    }
    let seen = false;
    const server = new ServerProcess({
      binary: plan.binary,
      args: plan.args,
      onLine: (text) => {
        log.line(text);
        if (!seen) queueMicrotask(() => this.#dispatch({ type: 'loading' }));
        seen = true;
      },
      ...(this.#options.guard === undefined ? {} : { guard: this.#options.guard }),
    });
    log.hide(server.key);
    log.line(`sluice: started ${plan.binary} ${plan.args.join(' ')}, process ${server.pid}`);
    this.#process = server;
    let wasReady = false;
    void server.exited.then((exit) => {
      log.line(`sluice: process ${server.pid} ended (${exit.signal ?? `status ${exit.code ?? 'unknown'}`})`);
      this.#process = null;
      plan.release();
      const ending = endingOf(exit, server.tail, { modelPath: model, wasReady, log: log.path });
      this.#dispatch({ type: 'exited', failure: ending.failure, final: ending.final });
    });
    if (!(await this.#watchLoading(server, plan.modelBytes))) return;
    wasReady = true;
    this.#dispatch({ type: 'healthy', port: server.port });
    this.#watchHealth(server);
  }

  #watchLoading(server: ServerProcess, modelBytes: number): Promise<boolean> {
    const look = async (): Promise<void> => {
      const bytes = await server.mappedBytes();
      if (bytes !== null) this.#dispatch({ type: 'progress', value: Math.min(0.99, bytes / modelBytes) });
    };
    const timer = setInterval(() => void look(), 100);
    return server.untilHealthy(new AbortController().signal).finally(() => clearInterval(timer));
  }

  // A server whose threads still answer but are late twice is taken for hung.
  #watchHealth(server: ServerProcess): void {
    const timeout = this.#options.healthTimeoutMs ?? 10_000;
    let missed = 0;
    const ask = async (): Promise<void> => {
      missed = (await server.isHealthy(timeout)) ? 0 : missed + 1;
      if (this.#process !== server) return;
      if (missed >= 2) {
        this.#options.log.line(`sluice: no answer to ${missed} questions for its health`);
        this.#dispatch({ type: 'hung' });
      } else {
        timer.refresh();
      }
    };
    const timer = setTimeout(() => void ask(), this.#options.healthEveryMs ?? 5000);
    timer.unref();
    void server.exited.then(() => clearTimeout(timer));
  }
}
