import { describe, expect, it } from 'vitest';
import type { PaintRequest } from '../../../src-preload/contract/jobs.ts';
import type { EnginePicture } from '../../engine/index.ts';
import type { FromChild, ToChild } from './protocol.ts';
import { type Child, PaintingSupervisor } from './supervisor.ts';

class FakeChild implements Child {
  readonly heard: ToChild[] = [];
  killed = false;
  #say: (message: FromChild) => void = () => undefined;
  #exit: (code: number) => void = () => undefined;
  send(message: ToChild): void {
    this.heard.push(message);
  }
  onMessage(listener: (message: FromChild) => void): void {
    this.#say = listener;
  }
  onExit(listener: (code: number) => void): void {
    this.#exit = listener;
  }
  kill(): void {
    this.killed = true;
    this.#exit(9);
  }
  say(message: FromChild): void {
    this.#say(message);
  }
  exit(code: number): void {
    this.#exit(code);
  }
}

const request = {} as PaintRequest;
const picture = { images: [], latents: [] } as unknown as EnginePicture;
const silent = { progress: () => undefined, preview: () => undefined, notice: () => undefined };

function make() {
  const children: FakeChild[] = [];
  const supervisor = new PaintingSupervisor(
    () => {
      const child = new FakeChild();
      children.push(child);
      return child;
    },
    { addon: '/addon', paths: { cacheDir: '/cache', resourceDir: '/resources' } },
  );
  return { supervisor, children };
}

describe('PaintingSupervisor', () => {
  it('starts one child for all jobs and passes reports on', async () => {
    const { supervisor, children } = make();
    const notices: string[] = [];
    const first = supervisor.execute(request, { ...silent, notice: (text) => notices.push(text) });
    const child = children[0];
    child?.say({ type: 'hello', version: 1 });
    child?.say({ type: 'notice', job: 1, text: 'stretched' });
    child?.say({ type: 'done', job: 1, result: picture });
    await expect(first.result).resolves.toBe(picture);
    const second = supervisor.execute(request, silent);
    child?.say({
      type: 'failed',
      job: 2,
      failure: { status: 4, code: 'no-device', message: 'none', hint: '' },
    });
    await expect(second.result).rejects.toMatchObject({ status: 4, code: 'no-device' });
    expect(children).toHaveLength(1);
    expect(notices).toEqual(['stretched']);
  });
  it('says what happened when the child is lost, and starts another for the next job', async () => {
    const { supervisor, children } = make();
    const lost = supervisor.execute(request, silent);
    children[0]?.exit(11);
    await expect(lost.result).rejects.toMatchObject({ status: 4, code: 'painting-process-lost' });
    const next = supervisor.execute(request, silent);
    expect(children).toHaveLength(2);
    children[1]?.say({ type: 'done', job: 2, result: picture });
    await expect(next.result).resolves.toBe(picture);
  });
  it('refuses a child of another build', async () => {
    const { supervisor, children } = make();
    const job = supervisor.execute(request, silent);
    children[0]?.say({ type: 'hello', version: 99 });
    await expect(job.result).rejects.toMatchObject({ code: 'stale-build' });
    expect(children[0]?.killed).toBe(true);
  });
  it('passes a cancel on, and ends jobs when it is closed', async () => {
    const { supervisor, children } = make();
    const job = supervisor.execute(request, silent);
    job.cancel();
    expect(children[0]?.heard.at(-1)).toEqual({ type: 'cancel', job: 1 });
    supervisor.close();
    await expect(job.result).rejects.toMatchObject({ status: 130 });
    expect(children[0]?.killed).toBe(true);
  });
});
