import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { paintOrder, type PaintJob } from '../../src-preload/contract/painting.ts';
import type { EnginePicture } from '../engine/index.ts';
import { findModels } from '../library/models.ts';
import { modelFolders } from '../library/paths.ts';
import { MOST_ENDED, PaintingOrders } from './orders.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-orders-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const order = paintOrder.parse({
  settings: {
    ...{ prompt: 'a fish', negative: '', model: null, width: 64, height: 64, steps: 1, cfg: 1 },
    ...{ sampler: 'euler', schedule: 'normal', seed: 1, count: 1, strength: 1 },
    ...{ precision: 'auto', budgetMebibytes: 0, device: 'auto' },
  },
  controls: [],
  init: new Uint8Array(1000),
  mask: null,
  at: 'back',
});
const painted = {
  images: [{ width: 1, height: 1, pixels: new Uint8Array(3) }],
  latents: [],
  figures: { seconds: 1, peakDeviceBytes: 1 },
} as unknown as EnginePicture;

it('keeps a few pictures of live painting, and none in the gallery', async () => {
  const at = (name: string): string => join(folder, name);
  let done: (job: PaintJob) => void = () => undefined;
  const orders = new PaintingOrders(
    {
      execute: () => ({ result: Promise.resolve(painted), cancel: () => undefined }),
      models: () => findModels(modelFolders()),
      gallery: at('live-gallery'),
      controls: at('live-controls'),
      live: { folder: at('live-gallery/live'), url: (file) => `live/${file}` },
      work: at('live-work'),
      pictureUrl: (file) => file,
    },
    (job) => {
      if (job.state === 'done') done(job);
    },
    () => undefined,
  );
  let last: PaintJob | null = null;
  for (let i = 0; i < 5; i++) {
    const ended = new Promise<PaintJob>((resolve) => (done = resolve));
    orders.enqueue({ ...order, live: true });
    last = await ended;
  }
  expect(last?.live).toBe(true);
  expect(last?.pictures[0]?.url).toMatch(/^live\/.*\.png$/);
  const kept = readdirSync(at('live-gallery/live'));
  expect(kept).toHaveLength(3);
  expect(kept).toContain(last?.pictures[0]?.id);
  expect(readdirSync(at('live-gallery'))).toEqual(['live']);
  orders.close();
  expect(existsSync(at('live-gallery/live'))).toBe(false);
});

it('keeps a day of jobs in bounded memory: the oldest leave the list, their pictures stay', async () => {
  const at = (name: string): string => join(folder, name);
  const ends = new Map<string, () => void>();
  const forgotten: string[] = [];
  const orders = new PaintingOrders(
    {
      execute: () => ({ result: Promise.resolve(painted), cancel: () => undefined }),
      models: () => findModels(modelFolders()),
      gallery: at('gallery'),
      controls: at('controls'),
      live: { folder: at('gallery/live'), url: (file) => `live/${file}` },
      work: at('work'),
      pictureUrl: (file) => file,
    },
    ({ id, state }: PaintJob) => {
      if (state === 'done') ends.get(id)?.();
    },
    (id) => forgotten.push(id),
  );
  const ids: string[] = [];
  for (let i = 0; i < MOST_ENDED + 20; i++) {
    const id = orders.enqueue(order);
    ids.push(id);
    await new Promise<void>((resolve) => ends.set(id, resolve));
  }
  expect(forgotten).toEqual(ids.slice(0, 20));
  expect(orders.jobs().map(({ id }) => id)).toEqual(ids.slice(20));
  expect(readdirSync(at('work'))).toHaveLength(MOST_ENDED); // what jobs read is gone with them
  expect(readdirSync(at('gallery')).filter((name) => name.endsWith('.png'))).toHaveLength(ids.length);
  orders.close();
  expect(existsSync(at('work'))).toBe(false);
});
