// Painting with a lease: before a job runs, it asks for the device's memory that its plan wants, so that a language
// model on the same small card lets go first, and says so before it waits. The job runs within what it was granted.
// `givesWay` says the same before a job is ordered.
// Not here: how the arbiter decides (jobs/leases.ts), how the model lets go (llama/supervisor.ts).
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import type { Yielding } from '../../src-preload/contract/memory.ts';
import type { DeviceReport, Engine, EnginePicture } from '../engine/index.ts';
import type { Arbiter, HeldLease } from '../jobs/arbiter.ts';
import { type LeaseRequest, poolOf, wouldRevoke } from '../jobs/leases.ts';
import type { Execute, Reports, Running } from '../jobs/runner.ts';
import { planJob } from './prepare.ts';

export interface LeaseSetup {
  arbiter: Arbiter;
  engine(): Pick<Engine, 'devices' | 'plan'>;
}

type Wanted = Omit<LeaseRequest, 'id'>;

// In the order in which "auto" takes them.
const kinds = ['discrete', 'integrated'];
const rank = ({ type }: DeviceReport): number => {
  const at = kinds.indexOf(type);
  return at < 0 ? kinds.length : at;
};

// The device that the engine will take for "auto", an index or a part of a name.
export function deviceFor(wanted: string, devices: readonly DeviceReport[]): DeviceReport | undefined {
  if (wanted === 'auto') return [...devices].sort((a, b) => rank(a) - rank(b) || a.index - b.index)[0];
  if (/^\d+$/.test(wanted)) return devices.find(({ index }) => index === Number(wanted));
  return devices.find(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
const holders = { language: 'the language model', midi: 'the composer', paint: 'another picture' };
const comesBack = { language: '; it is loaded again when it is asked', midi: '', paint: '' };

// What to ask for, or null where that cannot be found out: the job itself then says what is wrong.
async function wish(
  request: PaintRequest,
  setup: LeaseSetup,
): Promise<{ wanted: Wanted; device: string } | null> {
  try {
    const { arbiter } = setup;
    const engine = setup.engine();
    const device = deviceFor(request.device, await engine.devices());
    if (device === undefined) return null;
    const link = { linkBytesPerSecond: 0, flopsPerSecond: 0, maxStorageBufferRange: 0, device: null };
    const plan = await engine.plan(planJob(request), link);
    const pool = poolOf(device.name);
    if (!arbiter.state.pools.has(pool)) arbiter.setPool(pool, device.budget_bytes ?? plan.peak_device_bytes);
    const most = arbiter.state.pools.get(pool) ?? 0;
    const wantBytes = request.budgetBytes > 0 ? request.budgetBytes : plan.peak_device_bytes;
    const wanted: Wanted = {
      kind: 'paint',
      pool,
      wantBytes: Math.min(wantBytes, most),
      // A card that is too small for the job is the engine's to refuse, with the least that works.
      leastBytes: Math.min(plan.smallest_budget_bytes, wantBytes, most),
      priority: 0,
      revocable: false,
    };
    return { wanted, device: device.name };
  } catch {
    return null;
  }
}

// Who would be asked to let go, were this picture's turn now; changes nothing. Pictures come one after another: what
// another one holds is free by then.
export async function givesWay(request: PaintRequest, setup: LeaseSetup): Promise<Yielding[]> {
  const others = <T extends { kind: string }>(leases: readonly T[]): T[] =>
    leases.filter(({ kind }) => kind !== 'paint');
  // Without a holder there is nothing to ask a driver for, and no pool to be made known.
  if (!setup.arbiter.state.held.some(({ kind, revocable }) => kind !== 'paint' && revocable)) return [];
  const device = deviceFor(request.device, await setup.engine().devices());
  if (device === undefined || !setup.arbiter.state.pools.has(poolOf(device.name))) return [];
  const wished = await wish(request, setup);
  if (wished === null) return [];
  const { state } = setup.arbiter; // as it is after the plan was made
  const then = { ...state, held: others(state.held), waiting: others(state.waiting) };
  return wouldRevoke(then, { ...wished.wanted, id: 'asked before' }).map(({ kind, bytes }) => ({
    ...{ kind, model: null, bytes, device: wished.device },
  }));
}

function announce(
  { wanted, device }: { wanted: Wanted; device: string },
  arbiter: Arbiter,
  reports: Reports,
) {
  for (const { kind, bytes } of arbiter.inTheWay(wanted))
    reports.notice(
      `${holders[kind]} gives ${mebibytes(bytes)} of ${device} back for this picture${comesBack[kind]}`,
    );
}

// The same request within what was granted. Less than was wanted is a budget, and told.
function within(request: PaintRequest, wanted: Wanted, granted: number, reports: Reports): PaintRequest {
  if (granted >= wanted.wantBytes) return request;
  reports.notice(`others use the device: this picture gets ${mebibytes(granted)} of it`);
  return { ...request, budgetBytes: granted };
}

// `execute` with a lease for as long as a job runs.
export function leased(
  execute: Execute<PaintRequest, EnginePicture>,
  setup: LeaseSetup,
): Execute<PaintRequest, EnginePicture> {
  const { arbiter } = setup;
  return (request, reports) => {
    const gaveUp = new AbortController();
    let running: Running<EnginePicture> | null = null;
    const paint = async (): Promise<EnginePicture> => {
      const wished = await wish(request, setup);
      let lease: HeldLease | null = null;
      if (wished !== null) {
        announce(wished, arbiter, reports);
        lease = await arbiter.acquire(wished.wanted, () => undefined, gaveUp.signal);
      }
      try {
        if (gaveUp.signal.aborted)
          throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
        const granted =
          lease === null || wished === null ? request : within(request, wished.wanted, lease.bytes, reports);
        running = execute(granted, reports);
        return await running.result;
      } finally {
        lease?.release();
      }
    };
    return {
      result: paint(),
      cancel: () => {
        gaveUp.abort();
        running?.cancel();
      },
    };
  };
}
