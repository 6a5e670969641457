// What painting gives back to the canvas: the preview while a job runs, then its pictures, which are kept as layers or
// let go. A job's box is where it was when the job was ordered.
import { create } from 'zustand';
import type { PaintedPicture, PaintJob } from '../../src-preload/contract/painting.ts';
import { fetchAsset } from '../app/assets.ts';
import { performOn } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { onJobChanged } from '../app/queries.ts';
import { placePicture } from '../core/canvas/actions.ts';
import type { Box, LayerKind, Placed } from '../core/canvas/model.ts';
import { newId } from '../core/ids.ts';
import { useCanvasView } from './view.ts';

export interface Overlay {
  readonly box: Box;
  readonly image: CanvasImageSource;
}

interface Candidates {
  readonly jobId: string;
  readonly box: Box;
  readonly prompt: string;
  readonly pictures: readonly PaintedPicture[];
  readonly index: number;
}

interface Results {
  overlay: Overlay | null;
  candidates: Candidates | null;
}

export const useResults = create<Results>()(() => ({ overlay: null, candidates: null }));

// Jobs that this window ordered from the canvas, and where each is to appear.
const boxes = new Map<string, Box>();
const early = new Map<string, PaintJob>(); // changes that came before the order's answer

export function expectResult(jobId: string, box: Box): void {
  boxes.set(jobId, box);
  const missed = early.get(jobId);
  early.clear();
  if (missed !== undefined) jobChanged(missed);
}

function bitmapOf({ width, height, pixels }: NonNullable<PaintJob['preview']>): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}

// A bitmap's memory is not the collector's to give back in time.
function show(overlay: Overlay | null, candidates: Candidates | null): void {
  const before = useResults.getState().overlay?.image;
  useResults.setState({ overlay, candidates });
  if (before instanceof ImageBitmap && before !== overlay?.image) before.close();
}

let wanted = 0; // counts what was asked to be shown: pictures come in any order

async function showCandidate(candidates: Candidates): Promise<void> {
  const picture = candidates.pictures[candidates.index];
  if (picture === undefined) return;
  const turn = ++wanted;
  const answer = await fetch(picture.url);
  if (!answer.ok) throw new Error(`${picture.url} is not there (status ${answer.status})`);
  // No asset of the project yet: most pictures are looked at and let go.
  const image = await createImageBitmap(await answer.blob());
  if (turn === wanted) show({ box: candidates.box, image }, candidates);
  else image.close();
}

function jobChanged(job: PaintJob): void {
  if (job.live) return;
  const box = boxes.get(job.id);
  if (box === undefined) {
    if (early.size < 16) early.set(job.id, job);
    return;
  }
  if (job.preview !== null && job.state === 'running') {
    show({ box, image: bitmapOf(job.preview) }, useResults.getState().candidates);
  }
  if (job.state !== 'done' && job.state !== 'failed' && job.state !== 'cancelled') return;
  boxes.delete(job.id);
  if (job.state === 'done') {
    const candidates = { jobId: job.id, box, prompt: job.settings.prompt, pictures: job.pictures, index: 0 };
    showCandidate(candidates).catch(tellFailure);
    return;
  }
  if (useResults.getState().candidates === null) show(null, null);
  if (job.failure !== null) tell(job.failure.message, 'error', job.failure.hint);
}

export const followResults = (): (() => void) => onJobChanged(jobChanged);

export function stepCandidate(by: number): void {
  const { candidates } = useResults.getState();
  if (candidates === null) return;
  const count = candidates.pictures.length;
  showCandidate({ ...candidates, index: (candidates.index + by + count) % count }).catch(tellFailure);
}

export function discardCandidates(): void {
  wanted++;
  show(null, null);
}

// A picture as a layer of its own, which is then the one that is drawn on.
export function placeAsset(item: Omit<Placed, 'type' | 'id'>, name: string, kind: LayerKind = 'paint'): void {
  const id = newId();
  performOn('canvas', placePicture({ type: 'picture', id, ...item }, name, kind));
  useCanvasView.setState({ selected: id });
}

// A painted picture as a layer where the box lies.
export async function placePainted(url: string, name: string, box: Box): Promise<void> {
  const { id: asset } = await fetchAsset(url);
  placeAsset({ asset, ...box }, name);
}

export function keepCandidate(): void {
  const { candidates } = useResults.getState();
  const picture = candidates?.pictures[candidates.index];
  if (candidates === null || picture === undefined) return;
  discardCandidates();
  placePainted(picture.url, candidates.prompt || 'Result', candidates.box).catch(tellFailure);
}
