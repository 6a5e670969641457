import { describe, expect, it } from 'vitest';
import { paintRequest, type PaintRequest } from '../../src-preload/contract/jobs.ts';
import type { DeviceReport, EnginePicture, PlanReport } from '../engine/index.ts';
import { Arbiter } from '../jobs/arbiter.ts';
import type { LeaseRequest } from '../jobs/leases.ts';
import type { Execute } from '../jobs/runner.ts';
import { deviceFor, givesWay, leased } from './leases.ts';

const device = (index: number, name: string, type: string): DeviceReport => ({
  index,
  name,
  type,
  budget_bytes: 1000,
});
const devices = [
  device(0, 'llvmpipe (LLVM 15)', 'cpu'),
  device(1, 'Arc', 'integrated'),
  device(2, 'RX', 'discrete'),
];

const request: PaintRequest = paintRequest.parse({
  ...{
    type: 'paint',
    prompt: '',
    negative: '',
    promptSyntax: 'literal',
    model: 'm',
    vae: null,
    width: 64,
    height: 64,
    steps: 1,
    cfg: 1,
  },
  ...{
    sampler: 'euler',
    schedule: 'normal',
    seed: 1,
    count: 1,
    clipSkip: 1,
    vaeTiling: false,
    loras: [],
    controls: [],
  },
  ...{ init: null, mask: null, strength: 1, latents: null, precision: 'auto', budgetBytes: 0, device: '0' },
  ...{ previewEvery: 0, trace: null },
});
const picture = { images: [], latents: [] } as unknown as EnginePicture;
const language = (bytes: number): Omit<LeaseRequest, 'id'> => ({
  ...{ kind: 'language', pool: 'llvmpipe', wantBytes: bytes, leastBytes: 0, priority: -1, revocable: true },
});

function make(peak: number, smallest: number) {
  const arbiter = new Arbiter();
  arbiter.setPool('llvmpipe', 1000);
  const ran: PaintRequest[] = [];
  const notices: string[] = [];
  const execute: Execute<PaintRequest, EnginePicture> = (granted) => {
    ran.push(granted);
    return { result: Promise.resolve(picture), cancel: () => undefined };
  };
  const plan = { peak_device_bytes: peak, smallest_budget_bytes: smallest } as PlanReport;
  const engine = { devices: () => Promise.resolve(devices), plan: () => Promise.resolve(plan) };
  const setup = { arbiter, engine: () => engine };
  const start = leased(execute, setup);
  const reports = {
    progress: () => undefined,
    preview: () => undefined,
    notice: (text: string) => notices.push(text),
  };
  return {
    arbiter,
    ran,
    notices,
    before: (more: Partial<PaintRequest> = {}) => givesWay({ ...request, ...more }, setup),
    paint: (more: Partial<PaintRequest> = {}) => start({ ...request, ...more }, reports),
  };
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('deviceFor', () => {
  it('takes what the engine takes', () => {
    expect(deviceFor('auto', devices)?.name).toBe('RX');
    expect(deviceFor('1', devices)?.name).toBe('Arc');
    expect(deviceFor('llvm', devices)?.index).toBe(0);
    expect(deviceFor('nosuch', devices)).toBeUndefined();
  });
});

describe('a picture with a lease', () => {
  it('waits until the language model has let go, says so before, and gives everything back', async () => {
    const { arbiter, ran, notices, paint } = make(800, 100);
    let asked = false;
    const model = await arbiter.acquire(language(600), () => (asked = true));
    const running = paint();
    await settle();
    expect(asked).toBe(true);
    expect(notices).toEqual([
      expect.stringMatching(/^the language model gives 1 MiB of llvmpipe .* loaded again/),
    ]);
    expect(ran).toEqual([]);
    model.release();
    await expect(running.result).resolves.toBe(picture);
    expect(ran).toEqual([request]);
    expect(arbiter.state.held).toEqual([]);
  });
  it('leaves a model alone that is not in its way', async () => {
    const { arbiter, ran, notices, paint } = make(300, 100);
    await arbiter.acquire(language(600), () => expect.unreachable());
    await paint().result;
    expect([ran, notices]).toEqual([[request], []]);
  });
  it('runs within what others leave, and says so', async () => {
    const { arbiter, ran, notices, paint } = make(800, 100);
    await arbiter.acquire({ ...language(600), revocable: false });
    await paint().result;
    expect(ran[0]?.budgetBytes).toBe(400);
    expect(notices).toHaveLength(1);
  });
  it('can be given up while it waits, and then holds nothing', async () => {
    const { arbiter, ran, paint } = make(800, 800);
    const model = await arbiter.acquire(language(600));
    const running = paint();
    await settle();
    running.cancel();
    await expect(running.result).rejects.toMatchObject({ code: 'cancelled' });
    model.release();
    expect([ran, arbiter.state.held, arbiter.state.waiting]).toEqual([[], [], []]);
  });
  it('gives back what it held when it fails, and lets the engine say what is wrong with a request', async () => {
    const { arbiter } = make(1, 1);
    const failing: Execute<PaintRequest, EnginePicture> = () => ({
      result: Promise.reject(new Error('lost')),
      cancel: () => undefined,
    });
    const engine = {
      devices: () => Promise.resolve(devices),
      plan: () => Promise.reject(new Error('no such model')),
    };
    const silent = { progress: () => undefined, preview: () => undefined, notice: () => undefined };
    await expect(leased(failing, { arbiter, engine: () => engine })(request, silent).result).rejects.toThrow(
      'lost',
    );
    expect(arbiter.state.held).toEqual([]);
  });
});

describe('who gives way, asked before a picture is ordered', () => {
  it('is whom the picture then asks, in the same words', async () => {
    const { arbiter, notices, before, paint } = make(800, 100);
    expect(await before()).toEqual([]);
    const model = await arbiter.acquire(language(600), () => model.release());
    const told = await before();
    expect(told).toEqual([{ kind: 'language', model: null, bytes: 600, device: 'llvmpipe (LLVM 15)' }]);
    expect(arbiter.state.waiting).toEqual([]); // asking took nothing
    await paint().result;
    expect(notices).toEqual([expect.stringMatching(/^the language model gives 1 MiB of llvmpipe/)]);
    expect(await before()).toEqual([]);
  });
  it('is nobody where there is room, on another device, or when it cannot be planned', async () => {
    const { arbiter, before } = make(300, 100);
    await arbiter.acquire(language(600));
    expect(await before()).toEqual([]);
    const large = make(800, 100);
    await large.arbiter.acquire(language(600));
    expect(await large.before({ device: 'Arc' })).toEqual([]);
    expect(await large.before({ device: 'nosuch' })).toEqual([]);
    expect(await large.before({ budgetBytes: 300 })).toEqual([]);
    expect(await large.before({ budgetBytes: 500 })).toHaveLength(1);
    expect(large.arbiter.state.pools.has('arc')).toBe(false); // a question makes no pool
  });
  it('does not count the picture that is painted now: its memory is free by then', async () => {
    const { arbiter, before } = make(800, 100);
    const painting = { ...language(200), kind: 'paint' as const, priority: 0, revocable: false };
    await arbiter.acquire(painting);
    await arbiter.acquire(language(200));
    expect(await before()).toEqual([]); // 800 are left when the model keeps its 200
    await arbiter.acquire(language(100));
    expect(await before()).toHaveLength(1);
  });
  it('is asked for anew when somebody takes or gives memory', async () => {
    const { arbiter } = make(800, 100);
    let changes = 0;
    const leave = arbiter.subscribe(() => changes++);
    const lease = await arbiter.acquire(language(600));
    expect(changes).toBe(1);
    lease.release();
    lease.release();
    expect(changes).toBe(2);
    leave();
    await arbiter.acquire(language(600));
    expect(changes).toBe(2);
  });
});
