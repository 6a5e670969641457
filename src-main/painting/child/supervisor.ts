// Owns the painting child: starts it for the first job, passes jobs and reports on, and says what happened when it
// ends in the middle of one. The next job gets a new child. Knows no Electron: how a child is started is given.
import { SluiceError, Status } from '../../../src-preload/contract/errors.ts';
import type { PaintRequest } from '../../../src-preload/contract/jobs.ts';
import type { EnginePicture } from '../../engine/index.ts';
import type { Reports, Running } from '../../jobs/runner.ts';
import type { PainterPaths } from '../painter.ts';
import { CHILD_VERSION, type FromChild, type ToChild } from './protocol.ts';

export interface Child {
  send(message: ToChild): void;
  onMessage(listener: (message: FromChild) => void): void;
  onExit(listener: (code: number) => void): void;
  kill(): void;
}

interface Pending {
  reports: Reports;
  resolve(result: EnginePicture): void;
  reject(error: SluiceError): void;
}

const failureOf = ({ failure }: Extract<FromChild, { type: 'failed' }>): SluiceError =>
  new SluiceError(failure.status, failure.code, failure.message, failure.hint);

// How long a child may take to stop a job before it is ended; the engine answers within two seconds.
const PATIENCE_MS = 5000;

export class PaintingSupervisor {
  readonly #spawn: () => Child;
  readonly #setup: { addon: string; paths: PainterPaths };
  #child: Child | null = null;
  #pending = new Map<number, Pending>();
  #lastJob = 0;

  constructor(spawn: () => Child, setup: { addon: string; paths: PainterPaths }) {
    this.#spawn = spawn;
    this.#setup = setup;
  }

  readonly execute = (request: PaintRequest, reports: Reports): Running<EnginePicture> => {
    const child = (this.#child ??= this.#start());
    const job = ++this.#lastJob;
    const result = new Promise<EnginePicture>((resolve, reject) => {
      this.#pending.set(job, { reports, resolve, reject });
    });
    child.send({ type: 'paint', job, request });
    const cancel = (): void => {
      if (!this.#pending.has(job)) return;
      child.send({ type: 'cancel', job });
      const timer = setTimeout(() => {
        if (this.#pending.has(job)) child.kill();
      }, PATIENCE_MS);
      void result.catch(() => undefined).finally(() => clearTimeout(timer));
    };
    return { result, cancel };
  };

  // Ends the child; jobs that run end as cancelled.
  close(): void {
    const child = this.#child;
    this.#child = null;
    this.#failAll(new SluiceError(Status.cancelled, 'cancelled', 'the studio was closed'));
    child?.kill();
  }

  #start(): Child {
    const child = this.#spawn();
    child.onMessage((message) => this.#hear(child, message));
    child.onExit((code) => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#failAll(
        new SluiceError(
          Status.device,
          'painting-process-lost',
          `the painting process ended in the middle of the job (status ${code}); documents are not touched`,
          'The next job starts a new one. If it happens again, try another device or a smaller budget.',
        ),
      );
    });
    child.send({ type: 'start', ...this.#setup });
    return child;
  }

  #failAll(error: SluiceError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const job of pending) job.reject(error);
  }

  #hear(child: Child, message: FromChild): void {
    if (message.type === 'hello') {
      if (message.version === CHILD_VERSION) return;
      const found = `the painting process has version ${message.version}, expected ${CHILD_VERSION}`;
      this.#failAll(new SluiceError(Status.internal, 'stale-build', found, 'Build again: npm run build'));
      child.kill();
      return;
    }
    const pending = this.#pending.get(message.job);
    if (pending === undefined) return;
    switch (message.type) {
      case 'progress':
        pending.reports.progress(message.progress);
        return;
      case 'preview':
        pending.reports.preview(message.preview);
        return;
      case 'notice':
        pending.reports.notice(message.text);
        return;
      case 'done':
        this.#pending.delete(message.job);
        pending.resolve(message.result);
        return;
      case 'failed':
        this.#pending.delete(message.job);
        pending.reject(failureOf(message));
    }
  }
}
