// Jobs as data: what is asked for, independent of who asks and who runs it.
import { z } from 'zod';

export const MAX_SEED = Number.MAX_SAFE_INTEGER;
const fraction = z.number().min(0).max(1);

export const precision = z.enum(['auto', 'fp32', 'fp16']);
export type Precision = z.infer<typeof precision>;

export const loraRequest = z.object({
  path: z.string(), // of the file
  strength: z.number().min(-10).max(10),
});
export type LoraRequest = z.infer<typeof loraRequest>;

// How prompts are read: word by word, or with weights as A1111's web UI has them, "(red hat:1.2)".
export const promptSyntax = z.enum(['literal', 'a1111']);
export type PromptSyntax = z.infer<typeof promptSyntax>;

export const controlRequest = z.object({
  kind: z.string().min(1),
  image: z.string(), // path of the control image
  model: z.string(), // path of the ControlNet
  strength: z.number().min(0).max(10),
  start: fraction,
  end: fraction,
});
export type ControlRequest = z.infer<typeof controlRequest>;

// One painting job. Null means "not asked for"; paths are absolute.
export const paintRequest = z.object({
  type: z.literal('paint'),
  prompt: z.string(),
  negative: z.string(),
  promptSyntax,
  model: z.string(),
  vae: z.string().nullable(),
  width: z.number().int().min(8).multipleOf(8),
  height: z.number().int().min(8).multipleOf(8),
  steps: z.number().int().min(1).max(1000),
  cfg: z.number().min(0).max(100),
  sampler: z.string(),
  schedule: z.string(),
  seed: z.number().int().min(0).max(MAX_SEED),
  count: z.number().int().min(1).max(64),
  clipSkip: z.number().int().min(1).max(12),
  vaeTiling: z.boolean(),
  loras: z.array(loraRequest), // those that tags in the prompt name among them
  controls: z.array(controlRequest),
  init: z.string().nullable(),
  mask: z.string().nullable(),
  strength: fraction,
  latents: z.string().nullable(),
  precision,
  budgetBytes: z.number().int().nonnegative(), // 0: from the driver
  device: z.string(),
  previewEvery: z.number().int().nonnegative(), // 0: never
  trace: z.string().nullable(),
});
export type PaintRequest = z.infer<typeof paintRequest>;
