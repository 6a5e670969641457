// Painting as the window sees it: settings without paths, pictures as bytes, jobs as views.
import { z } from 'zod';
import { failure } from './errors.ts';
import { preview, progress } from './figures.ts';
import { bytes, call, event, nothing } from './ipc.ts';
import { MAX_SEED, precision } from './jobs.ts';

const fraction = z.number().min(0).max(1);
export const MAX_SIDE = 2048;
const side = z.number().int().min(64).max(MAX_SIDE).multipleOf(8);

export const paintSettings = z.object({
  prompt: z.string().max(20_000),
  negative: z.string().max(20_000),
  model: z.string().nullable(), // a name of `options`; null: the embedded one
  width: side,
  height: side,
  steps: z.number().int().min(1).max(150),
  cfg: z.number().min(1).max(30),
  sampler: z.string(),
  schedule: z.string(),
  seed: z.number().int().min(0).max(MAX_SEED),
  count: z.number().int().min(1).max(16),
  strength: fraction, // of image to image; used where there is an initial picture
  precision,
  budgetMebibytes: z.number().int().min(0), // 0: from the driver
  device: z.string(),
});
export type PaintSettings = z.infer<typeof paintSettings>;

// Pictures are PNG files as bytes. A control picture is what the ControlNet is to see: white lines on black.
export const paintOrder = z.object({
  settings: paintSettings,
  controls: z.array(
    z.object({
      kind: z.string().min(1),
      picture: bytes,
      strength: z.number().min(0).max(2),
      start: fraction,
      end: fraction,
    }),
  ),
  init: bytes.nullable(),
  mask: bytes.nullable(), // white is repainted
  at: z.enum(['back', 'front']),
  // Painted again and again while one draws: its picture is shown and kept no longer than the next ones.
  live: z.boolean().default(false),
});
export type PaintOrder = z.infer<typeof paintOrder>;

export const paintedPicture = z.object({
  id: z.string(),
  url: z.string(), // on app://, for <img> and fetch
  width: z.number().int(),
  height: z.number().int(),
  seed: z.number().int(),
});
export type PaintedPicture = z.infer<typeof paintedPicture>;

export const jobState = z.enum(['queued', 'running', 'stopping', 'done', 'failed', 'cancelled']);

export const paintJob = z.object({
  id: z.string(),
  state: jobState,
  settings: paintSettings,
  controlKinds: z.array(z.string()),
  live: z.boolean(),
  progress: progress.nullable(),
  preview: preview.nullable(),
  notices: z.array(z.string()),
  failure: failure.nullable(),
  pictures: z.array(paintedPicture),
  seconds: z.number().nullable(), // of the whole job, once it is done
  peakDeviceBytes: z.number().nullable(),
});
export type PaintJob = z.infer<typeof paintJob>;

export const paintOptions = z.object({
  models: z.array(z.object({ name: z.string(), embedded: z.boolean(), side: z.number().int() })),
  controls: z.array(z.string()), // kinds that a ControlNet is there for
  loras: z.array(z.string()), // names
  samplers: z.array(z.object({ name: z.string(), label: z.string(), schedules: z.array(z.string()) })),
  schedules: z.array(z.object({ name: z.string(), label: z.string() })),
});
export type PaintOptions = z.infer<typeof paintOptions>;

export const paintPlan = z.object({
  peakDeviceBytes: z.number(),
  smallestBudgetBytes: z.number(),
  pinnedBytes: z.number(), // weights that stay
  streamedBytes: z.number(), // weights that are sent in each step
  stepSeconds: z.number(),
  // What moves and what stays, op by op, in the order in which they run.
  blocks: z.array(
    z.object({
      stage: z.string(),
      name: z.string(),
      bytes: z.number(), // of its weights
      place: z.enum(['resident', 'streamed', 'in-place']),
    }),
  ),
});
export type PaintPlan = z.infer<typeof paintPlan>;

// When the transfer queue copied weights and when the device computed, in a run that has ended.
export const runTimeline = z.object({
  seconds: z.number(),
  copySeconds: z.number(),
  computeSeconds: z.number(),
  hiddenSeconds: z.number(), // of the copies, while the device computed
  copiedBytes: z.number(),
  copies: z.array(fraction), // how busy in each of equal parts of the run
  compute: z.array(fraction),
});
export type RunTimeline = z.infer<typeof runTimeline>;

export const device = z.object({
  index: z.number().int(),
  name: z.string(),
  type: z.string(),
  budgetBytes: z.number().nullable(),
});

export const painting = {
  options: call(nothing, paintOptions),
  devices: call(nothing, z.array(device)),
  plan: call(z.object({ settings: paintSettings, controlKinds: z.array(z.string()) }), paintPlan),
  timeline: call(z.string(), runTimeline.nullable()), // of a job; null where it left none
  jobs: call(nothing, z.array(paintJob)),
  enqueue: call(paintOrder, z.string()),
  cancel: call(z.string(), nothing),
  cancelAll: call(nothing, nothing),
  forget: call(z.string(), nothing),
  // A job that is new or has changed; the rest of the list is as before.
  changed: event(paintJob),
  forgotten: event(z.string()),
};
