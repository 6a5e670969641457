// From the canvas to an order: what is in the box and in the form, as settings and pictures.
import type { PaintOptions, PaintOrder, PaintSettings } from '../../src-preload/contract/painting.ts';
import type { StudioSettings } from '../../src-preload/contract/settings.ts';
import { currentDocument } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { paintOptionsQuery, queryClient } from '../app/queries.ts';
import { currentSettings, settingsQuery } from '../app/settings.ts';
import { studio } from '../app/studio.ts';
import { type CanvasDocument, isControl, type Layer } from '../core/canvas/model.ts';
import { chooseWildcards } from '../core/canvas/wildcards.ts';
import { composeOnBlack, composePicture } from './compose.ts';
import { discardCandidates, expectResult } from './results.ts';
import { usePromptHistory } from './prompt-history.ts';

export const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

export function settingsOf(
  { form, box }: CanvasDocument,
  seed: number,
  { precision, budgetMebibytes, device }: StudioSettings = currentSettings(),
): PaintSettings {
  return {
    prompt: form.prompt,
    negative: form.negative,
    model: form.model,
    width: box.width,
    height: box.height,
    steps: form.steps,
    cfg: form.cfg,
    sampler: form.sampler,
    schedule: form.schedule,
    seed,
    count: form.count,
    strength: form.strength,
    precision,
    budgetMebibytes,
    device,
  };
}

const activeControls = (layers: readonly Layer[], known: readonly string[]): Layer[] =>
  layers.filter(
    ({ kind, visible, items }) => isControl(kind) && visible && items.length > 0 && known.includes(kind),
  );

// The kinds of drawing that will steer, for a plan.
export const controlKindsOf = (layers: readonly Layer[], { controls }: PaintOptions): string[] =>
  activeControls(layers, controls).map(({ kind }) => kind);

export async function makeOrder(
  canvas: CanvasDocument,
  options: PaintOptions,
  at: PaintOrder['at'],
  live = false,
): Promise<PaintOrder> {
  const { layers, box, form } = canvas;
  const controls: PaintOrder['controls'] = [];
  for (const layer of activeControls(layers, options.controls)) {
    const { file, empty } = await composeOnBlack(layer, box);
    const { kind, strength, start, end } = layer;
    if (!empty) controls.push({ kind, picture: file, strength, start, end });
  }
  const paint = layers.filter(({ kind, visible }) => kind === 'paint' && visible);
  const picture = await composePicture(paint, box);
  const maskLayer = layers.findLast(
    ({ kind, visible, items }) => kind === 'mask' && visible && items.length > 0,
  );
  const mask = maskLayer === undefined ? null : await composeOnBlack(maskLayer, box);
  // A mask repaints a part of what is there, so what is there is the start.
  const masked = mask !== null && !mask.empty && !picture.empty;
  const seed = form.seed ?? randomSeed();
  const words = (text: string): string => chooseWildcards(text, seed);
  const fromCanvas = masked || (form.fromCanvas && !picture.empty);
  return {
    settings: {
      ...settingsOf(canvas, seed),
      prompt: words(form.prompt),
      negative: words(form.negative),
    },
    controls,
    init: fromCanvas ? picture.file : null,
    mask: masked ? mask.file : null,
    at,
    live,
  };
}

export async function generate(at: PaintOrder['at'] = 'back'): Promise<void> {
  try {
    const { canvas } = currentDocument();
    if (canvas.form.prompt.trim() === '') {
      tell('Say what to paint first: the prompt is empty.');
      document.querySelector<HTMLElement>('[data-field="prompt"]')?.focus();
      return;
    }
    const options = await queryClient.query({ ...paintOptionsQuery, staleTime: 'static' });
    await queryClient.query({ ...settingsQuery, staleTime: 'static' }); // before they are used
    const order = await makeOrder(canvas, options, at);
    usePromptHistory.getState().remember(canvas.form.prompt);
    discardCandidates();
    expectResult(await studio.painting.enqueue(order), canvas.box);
  } catch (error) {
    tellFailure(error);
  }
}
