// What a job measures and reports while it runs and when it is done.
import { z } from 'zod';

const count = z.number().int().nonnegative();
const seconds = z.number().nonnegative();

export const stages = ['load', 'encode', 'sample', 'decode'] as const;

export const progress = z.object({
  stage: z.string(),
  step: count,
  steps: count,
  seconds, // since the job began
});
export type Progress = z.infer<typeof progress>;

// A cheap preview of the predicted picture: RGB, 8 bits, rows from the top.
export const preview = z.object({
  step: count,
  width: count,
  height: count,
  pixels: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
});
export type Preview = z.infer<typeof preview>;

export const paintFigures = z.object({
  seconds, // the whole job, without process start
  loadSeconds: seconds,
  encodeSeconds: seconds,
  stepSeconds: z.array(seconds), // one sampling step each, guidance included
  decodeSeconds: seconds,
  peakDeviceBytes: count, // most that vkAllocateMemory held at once on device-local heaps
  driverPeakBytes: count.nullable(), // null where the driver does not count
  inPlaceBytes: count, // weights that are read where they lie in host memory
  budgetBytes: count,
  uploadedBytes: count, // weights copied from host to device over the job
  predictedPeakBytes: count,
  cold: z.boolean(), // a block or pipeline cache was made by this job
  device: z.string(),
  precision: z.string(),
});
export type PaintFigures = z.infer<typeof paintFigures>;
