// Live painting: while it is on, what is drawn and asked for is painted again and again with one seed. The newest state
// is painted when the picture before it is done, so that one comes however fast somebody draws. Pictures are shown beside
// the drawing, and go into neither the document nor the gallery until they are taken.
import { create } from 'zustand';
import type { PaintedPicture, PaintJob } from '../../src-preload/contract/painting.ts';
import { currentDocument, useDocument } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { isActive, onJobChanged, paintOptionsQuery, queryClient } from '../app/queries.ts';
import { settingsQuery } from '../app/settings.ts';
import { studio } from '../app/studio.ts';
import type { Box, CanvasDocument } from '../core/canvas/model.ts';
import { makeOrder, randomSeed } from './generate.ts';
import { placePainted } from './results.ts';

export interface LivePicture {
  readonly picture: PaintedPicture;
  readonly box: Box;
  readonly prompt: string;
}

interface Live {
  on: boolean;
  shown: LivePicture | null;
  job: PaintJob | null; // that is being painted
}

export const useLive = create<Live>()(() => ({ on: false, shown: null, job: null }));

interface Running {
  id: string | null; // null until the order is answered
  readonly box: Box;
}

const PAUSE = 250; // ms without a change before it is painted

let seed = 0; // of all pictures while it is on, unless the form has one
let ordered: CanvasDocument | null = null; // what was painted last, or is being
let running: Running | null = null;
let early: PaintJob | null = null; // a change that came before the order's answer
let timer: number | undefined;
let leave: () => void = () => undefined;

async function paintNewest(): Promise<void> {
  const { canvas } = currentDocument();
  if (!useLive.getState().on || running !== null || canvas === ordered || canvas.form.prompt.trim() === '')
    return;
  ordered = canvas;
  const mine: Running = { id: null, box: canvas.box };
  running = mine;
  const form = { ...canvas.form, count: 1, seed: canvas.form.seed ?? seed };
  const options = await queryClient.query({ ...paintOptionsQuery, staleTime: 'static' });
  await queryClient.query({ ...settingsQuery, staleTime: 'static' });
  const id = await studio.painting.enqueue(await makeOrder({ ...canvas, form }, options, 'back', true));
  mine.id = id;
  const missed = early;
  early = null;
  if (missed?.id === id) jobChanged(missed);
  if (running !== mine) await studio.painting.cancel(id); // turned off meanwhile
}

const soon = (): void => {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void paintNewest().catch(fail), PAUSE);
};

function fail(error: unknown): void {
  running = null;
  stopLive();
  tellFailure(error);
}

function jobChanged(job: PaintJob): void {
  if (!job.live) return;
  if (running?.id === null) early = job;
  const mine = running?.id === job.id ? running : null;
  if (isActive(job)) {
    if (mine !== null) useLive.setState({ job });
    return;
  }
  if (mine === null && early === job) return; // it comes again when the order is answered
  studio.painting.forget(job.id).catch(tellFailure); // it would only fill the list
  if (mine === null) return;
  const { box } = mine;
  running = null;
  useLive.setState({ job: null });
  const [picture] = job.pictures;
  if (picture !== undefined) useLive.setState({ shown: { picture, box, prompt: job.settings.prompt } });
  if (job.state === 'done') soon();
  else {
    stopLive();
    if (job.failure !== null) tell(job.failure.message, 'error', job.failure.hint);
  }
}

function startLive(): void {
  seed = randomSeed();
  ordered = null;
  useLive.setState({ on: true, shown: null, job: null });
  leave = useDocument.subscribe(soon);
  if (currentDocument().canvas.form.prompt.trim() === '') {
    tell('Live painting begins when there is a prompt.');
    document.querySelector<HTMLElement>('[data-field="prompt"]')?.focus();
  }
  soon();
}

export function stopLive(): void {
  window.clearTimeout(timer);
  leave();
  if (running?.id != null) studio.painting.cancel(running.id).catch(tellFailure);
  running = null;
  useLive.setState({ on: false, shown: null, job: null });
}

// Returns what ends it.
export function followLive(): () => void {
  const unfollow = onJobChanged(jobChanged);
  return () => {
    stopLive();
    unfollow();
  };
}

export const toggleLive = (): void => (useLive.getState().on ? stopLive() : startLive());

export function takeLive(): void {
  const { shown } = useLive.getState();
  if (shown !== null) placePainted(shown.picture.url, shown.prompt || 'Result', shown.box).catch(tellFailure);
}
