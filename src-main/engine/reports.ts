// What the engine says about devices, plans and models: JSON that is checked for what we rely on and passed on whole.
import { z } from 'zod';

const count = z.number().nonnegative();

export const deviceReport = z.looseObject({
  index: z.number().int().nonnegative(),
  name: z.string(),
  type: z.string(),
  driver: z.string().optional(),
  api_version: z.string().optional(),
  budget_bytes: count.nullish(),
  subgroup_size: z.number().nullish(),
  features: z.record(z.string(), z.unknown()).optional(),
});
export type DeviceReport = z.infer<typeof deviceReport>;

export const planReport = z.looseObject({
  peak_device_bytes: count,
  smallest_budget_bytes: count,
  step_seconds: z.number(),
  uploaded_bytes_per_step: count,
  blocks: z.array(z.unknown()),
});
export type PlanReport = z.infer<typeof planReport>;

export const inspectReport = z.looseObject({
  kind: z.string(),
  problems: z.array(z.string()).optional(),
  hints: z.array(z.string()).optional(), // what to do about each problem
  bytes: count.optional(),
});
export type InspectReport = z.infer<typeof inspectReport>;

export const probeReport = z.looseObject({ seconds: z.number() });
export type ProbeReport = z.infer<typeof probeReport>;

export const samplerChoice = z.object({ sampler: z.string(), schedule: z.string() });
export type SamplerChoice = z.infer<typeof samplerChoice>;

export const tokenIds = z.array(z.number().int()).length(77);
