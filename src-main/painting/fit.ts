// Whether a picture model fits: what a usual picture takes at least, and what the devices offer.
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import type { Engine } from '../engine/index.ts';
import { nativeSize } from '../library/models.ts';
import { planJob } from './prepare.ts';

// A picture of the model's own size with nothing special to it.
export function usualRequest(model: string, side = nativeSize(model)): PaintRequest {
  return {
    type: 'paint',
    prompt: '',
    negative: '',
    promptSyntax: 'literal',
    model,
    vae: null,
    width: side,
    height: side,
    steps: 20,
    cfg: 7.5,
    sampler: 'euler',
    schedule: 'normal',
    seed: 0,
    count: 1,
    clipSkip: 1,
    vaeTiling: false,
    loras: [],
    controls: [],
    init: null,
    mask: null,
    strength: 1,
    latents: null,
    precision: 'auto',
    budgetBytes: 0,
    device: 'auto',
    previewEvery: 0,
    trace: null,
  };
}

// The smallest budget in which the pipeline at this path paints. Rejects for a file that is none.
export async function leastBytes(engine: Engine, path: string): Promise<number> {
  const link = { linkBytesPerSecond: 0, flopsPerSecond: 0, maxStorageBufferRange: 0, device: null };
  return (await engine.plan(planJob(usualRequest(path)), link)).smallest_budget_bytes;
}

// The most device memory that a driver offers now; null without a device. Rejects where Vulkan is missing.
export async function largestBudget(engine: Engine): Promise<number | null> {
  const budgets = (await engine.devices()).map(({ budget_bytes }) => budget_bytes ?? 0);
  return budgets.length > 0 ? Math.max(...budgets) : null;
}
