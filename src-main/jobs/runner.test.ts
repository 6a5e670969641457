import { describe, expect, it, vi } from 'vitest';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type Execute, JobRunner, type Reports } from './runner.ts';

// An executor whose jobs end when the test says so.
function makeBench() {
  const calls: {
    request: string;
    reports: Reports;
    resolve: (result: number) => void;
    reject: (error: unknown) => void;
    cancel: ReturnType<typeof vi.fn>;
  }[] = [];
  const execute: Execute<string, number> = (request, reports) => {
    const cancel = vi.fn();
    let resolve: (result: number) => void = () => undefined;
    let reject: (error: unknown) => void = () => undefined;
    const result = new Promise<number>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    calls.push({ request, reports, resolve, reject, cancel });
    return { result, cancel };
  };
  return { calls, runner: new JobRunner(execute) };
}

describe('JobRunner', () => {
  it('runs one job after the other', async () => {
    const { calls, runner } = makeBench();
    const first = runner.enqueue('first');
    const second = runner.enqueue('second');
    expect(calls.map((call) => call.request)).toEqual(['first']);
    calls[0]?.resolve(1);
    expect((await runner.ended(first)).result).toBe(1);
    expect(calls.map((call) => call.request)).toEqual(['first', 'second']);
    calls[1]?.resolve(2);
    expect((await runner.ended(second)).result).toBe(2);
  });

  it('goes on after a failure, also one thrown at the start', async () => {
    const runner = new JobRunner<string, number>((request) => {
      if (request === 'bad') throw new SluiceError(Status.input, 'model-missing', 'no such model');
      return { result: Promise.resolve(3), cancel: () => undefined };
    });
    const bad = runner.enqueue('bad');
    const good = runner.enqueue('good');
    expect(await runner.ended(bad)).toMatchObject({ state: 'failed', failure: { code: 'model-missing' } });
    expect(await runner.ended(good)).toMatchObject({ state: 'done', result: 3 });
  });

  it('asks a running job to stop once, and takes its word that it has', async () => {
    const { calls, runner } = makeBench();
    const id = runner.enqueue('long');
    runner.cancel(id);
    runner.cancel(id);
    expect(calls[0]?.cancel).toHaveBeenCalledTimes(1);
    calls[0]?.reject(new SluiceError(Status.cancelled, 'cancelled', 'stopped'));
    expect((await runner.ended(id)).state).toBe('cancelled');
  });

  it('never starts a job that was cancelled while it waited', async () => {
    const { calls, runner } = makeBench();
    const first = runner.enqueue('first');
    const second = runner.enqueue('second');
    runner.cancel(second);
    calls[0]?.resolve(1);
    await runner.ended(first);
    expect(calls).toHaveLength(1);
  });

  it('tells subscribers until they leave', () => {
    const { calls, runner } = makeBench();
    const seen: string[] = [];
    const leave = runner.subscribe((_, event) => seen.push(event.type));
    runner.enqueue('first');
    calls[0]?.reports.notice('hello');
    leave();
    calls[0]?.reports.notice('unheard');
    expect(seen).toEqual(['enqueue', 'start', 'notice']);
  });

  it('calls what was not foreseen our own fault', async () => {
    const { calls, runner } = makeBench();
    const id = runner.enqueue('first');
    calls[0]?.reject(new TypeError('undefined is not a function'));
    expect((await runner.ended(id)).failure).toMatchObject({ status: Status.internal, code: 'internal' });
  });

  it('says when there is no such job', async () => {
    await expect(makeBench().runner.ended('job-9')).rejects.toThrow(/no job/);
  });
});
