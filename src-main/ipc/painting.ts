import { z } from 'zod';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import { painting } from '../../src-preload/contract/painting.ts';
import type { Engine } from '../engine/index.ts';
import { controlKind, type FoundModel, nativeSize } from '../library/models.ts';
import { type PaintingOrders, requestToPlan } from '../painting/orders.ts';
import { planJob } from '../painting/prepare.ts';
import type { IpcBridge } from './bridge.ts';

const samplerReport = z.array(
  z.object({ name: z.string(), label: z.string(), schedules: z.array(z.string()) }),
);
const scheduleLabels: Record<string, string> = {
  normal: 'Normal',
  karras: 'Karras',
  exponential: 'Exponential',
};
const stageReport = z.array(
  z.looseObject({ resident_bytes: z.number(), uploaded_bytes_per_pass: z.number() }),
);

const blockReport = z.array(
  z.object({
    stage: z.string(),
    name: z.string(),
    bytes: z.number(),
    place: z.enum(['resident', 'streamed', 'in-place']),
  }),
);

export interface PaintingServices {
  engine(): Engine;
  models(): readonly FoundModel[];
  orders(): PaintingOrders;
}

export function servePaintingDomain(bridge: IpcBridge, services: PaintingServices): Emit<typeof painting> {
  const emit = bridge.serve('painting', painting, {
    options: async () => {
      const models = services.models();
      const samplers = samplerReport.parse(await services.engine().samplers());
      const schedules = [...new Set(samplers.flatMap((sampler) => sampler.schedules))];
      return {
        models: models
          .filter(({ kind }) => kind === 'pipeline' || kind === 'file')
          .map(({ name, source, path }) => ({
            name,
            embedded: source === 'embedded',
            side: nativeSize(path),
          })),
        controls: [
          ...new Set(models.filter(({ kind }) => kind === 'controlnet').map(({ name }) => controlKind(name))),
        ],
        loras: models.filter(({ kind }) => kind === 'lora').map(({ name }) => name),
        samplers,
        schedules: schedules.map((name) => ({ name, label: scheduleLabels[name] ?? name })),
      };
    },
    devices: async () =>
      (await services.engine().devices()).map(({ index, name, type, budget_bytes }) => ({
        index,
        name,
        type,
        budgetBytes: budget_bytes ?? null,
      })),
    plan: async ({ settings, controlKinds }) => {
      const request = requestToPlan(settings, controlKinds, services.models());
      const report = await services.engine().plan(planJob(request), {
        linkBytesPerSecond: 0,
        flopsPerSecond: 0,
        maxStorageBufferRange: 0,
        device: null,
      });
      const stages = stageReport.parse(report['stages'] ?? []);
      const most = (pick: (stage: (typeof stages)[number]) => number): number =>
        Math.max(0, ...stages.map(pick));
      return {
        peakDeviceBytes: report.peak_device_bytes,
        smallestBudgetBytes: report.smallest_budget_bytes,
        pinnedBytes: most((stage) => stage.resident_bytes),
        streamedBytes: most((stage) => stage.uploaded_bytes_per_pass),
        stepSeconds: report.step_seconds,
        blocks: blockReport.parse(report.blocks),
      };
    },
    timeline: (id) => services.orders().timeline(id),
    jobs: () => services.orders().jobs(),
    enqueue: (order) => services.orders().enqueue(order),
    cancel: (id) => {
      services.orders().cancel(id);
      return undefined;
    },
    cancelAll: () => {
      services.orders().cancelAll();
      return undefined;
    },
    forget: (id) => {
      if (services.orders().forget(id)) emit('forgotten', id);
      return undefined;
    },
  });
  return emit;
}
