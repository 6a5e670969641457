// Taking back what a painted picture was made from, and the picture itself.
import type { PaintJob } from '../../src-preload/contract/painting.ts';
import { currentDocument, performOn } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { setForm } from '../core/canvas/actions.ts';
import { placePainted } from './results.ts';

export function recallSettings({ settings }: PaintJob): void {
  const { prompt, negative, model, steps, cfg, sampler, schedule, seed } = settings;
  performOn('canvas', setForm({ prompt, negative, model, steps, cfg, sampler, schedule, seed }));
  tell('The settings of that picture are back, with its seed.');
}

export function placeJob({ pictures, settings }: PaintJob): void {
  const { box } = currentDocument().canvas;
  for (const { url, width, height } of pictures) {
    placePainted(url, settings.prompt || 'Result', { ...box, width, height }).catch(tellFailure);
  }
}
