// The addon's shape, as native/addon defines it. Only this folder sees it.
import { createRequire } from 'node:module';

export interface NativeImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

export interface NativeMemory {
  budgetBytes: number;
  precision: 'auto' | 'fp32' | 'fp16';
}

export interface NativeControl {
  model: string;
  hint: NativeImage | null; // null in plans only
  strength: number;
  start: number;
  end: number;
}

export interface NativePaintJob extends NativeMemory {
  model: string;
  vae: string | null;
  prompt: string;
  negative: string;
  promptSyntax: 'literal' | 'a1111';
  width: number;
  height: number;
  steps: number;
  cfg: number;
  sampler: string;
  schedule: string;
  seed: number;
  count: number;
  clipSkip: number;
  vaeTiling: boolean;
  loras: { path: string; strength: number }[];
  controls: NativeControl[];
  init: NativeImage | null;
  mask: NativeImage | null; // grey: one byte a pixel
  strength: number;
  latents: Float32Array | null;
  previewEvery: number;
  trace: string | null;
}

export interface NativePaintResult {
  images: NativeImage[];
  latents: Float32Array[];
  figures: unknown;
}

export type NativeEvent =
  | { type: 'progress'; stage: string; step: number; steps: number; seconds: number }
  | { type: 'preview'; step: number; width: number; height: number; pixels: Uint8Array }
  | { type: 'notice'; text: string };

export interface NativeContext {
  paint(job: NativePaintJob, onEvent: (event: NativeEvent) => void): Promise<NativePaintResult>;
  probe(request: NativeMemory & { network: string; model: string; in: string; out: string }): Promise<string>;
  trim(): Promise<void>;
  cancel(): void;
  close(): Promise<void>;
}

export interface NativeAddon {
  apiVersion: number;
  devices(): Promise<string>;
  samplers(): Promise<string>;
  resolveSampler(request: { sampler: string; schedule: string }): Promise<string>;
  inspect(request: { path: string; verify: boolean }): Promise<string>;
  tokenize(request: { resourceDir: string; model: string | null; text: string }): Promise<string>;
  plan(request: {
    job: NativePaintJob;
    linkBytesPerSecond: number;
    flopsPerSecond: number;
    maxStorageBufferRange: number;
    device: string | null; // an index
  }): Promise<string>;
  openContext(options: {
    device: string;
    cacheDir: string;
    resourceDir: string;
    keepWarm: boolean;
  }): Promise<NativeContext>;
}

export const API_VERSION = 1;

export function loadAddon(path: string): NativeAddon {
  const addon = createRequire(import.meta.url)(path) as NativeAddon;
  if (addon.apiVersion !== API_VERSION) {
    throw new Error(`${path} has API version ${addon.apiVersion}, expected ${API_VERSION}: build it again`);
  }
  return addon;
}
