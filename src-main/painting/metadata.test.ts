import { describe, expect, it } from 'vitest';
import { paintRequest, type PaintRequest } from '../../src-preload/contract/jobs.ts';
import { jobJson, parametersText } from './metadata.ts';

const request: PaintRequest = paintRequest.parse({
  type: 'paint',
  prompt: 'a cat, sitting',
  negative: 'a dog',
  promptSyntax: 'a1111',
  model: '/home/someone/models/dream.safetensors',
  vae: null,
  width: 512,
  height: 768,
  steps: 20,
  cfg: 7.5,
  sampler: 'dpmpp_2m',
  schedule: 'karras',
  seed: 42,
  count: 2,
  clipSkip: 2,
  vaeTiling: false,
  loras: [{ path: '/home/someone/loras/fur.safetensors', strength: 0.8 }],
  controls: [
    {
      kind: 'canny',
      image: '/home/someone/a.png',
      model: '/m/c.safetensors',
      strength: 0.8,
      start: 0,
      end: 0.5,
    },
  ],
  init: '/home/someone/b.png',
  mask: null,
  strength: 0.6,
  latents: null,
  precision: 'auto',
  budgetBytes: 0,
  device: 'auto',
  previewEvery: 0,
  trace: '/tmp/trace.json',
});

describe('parametersText', () => {
  it('is what A1111 writes', () => {
    expect(parametersText(request, 43)).toBe(
      'a cat, sitting <lora:fur:0.8>\nNegative prompt: a dog\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, ' +
        'Seed: 43, Size: 512x768, Model: dream, Clip skip: 2, Denoising strength: 0.6, ControlNet 0: "Module: none, ' +
        'Model: c [canny], Weight: 0.8, Guidance Start: 0, Guidance End: 0.5", Version: sluice',
    );
  });
  it('leaves out what was not used', () => {
    const plain = { ...request, negative: '', controls: [], init: null, clipSkip: 1 };
    expect(parametersText(plain, 1)).not.toMatch(/Negative|ControlNet|Denoising|Clip skip/);
  });
});

describe('jobJson', () => {
  it('holds the job of this one picture', () => {
    expect(JSON.parse(jobJson(request, 43))).toMatchObject({
      sluice: 1,
      prompt: 'a cat, sitting',
      seed: 43,
      count: 1,
    });
  });
  it('tells nobody where files lie', () => {
    expect(jobJson(request, 43)).not.toMatch(/\/(home|m|tmp)/);
  });
  it('is the same under every budget, on every device', () => {
    const elsewhere = { ...request, budgetBytes: 1 << 28, device: '1', previewEvery: 3, trace: null };
    expect(jobJson(elsewhere, 43)).toBe(jobJson(request, 43));
  });
});
