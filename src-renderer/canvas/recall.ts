// Taking back what a painted picture was made from, and the picture itself.
import type { PaintJob } from '../../src-preload/contract/painting.ts';
import { fetchAsset } from '../app/assets.ts';
import { currentDocument, performAction, performOn } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { paintOptionsQuery, queryClient } from '../app/queries.ts';
import { addLayer, setBox, setForm } from '../core/canvas/actions.ts';
import { gridBox } from '../core/canvas/geometry.ts';
import {
  isControl,
  type Layer,
  type LayerKind,
  layerKind,
  newLayer,
  type PaintForm,
} from '../core/canvas/model.ts';
import { on } from '../core/document.ts';
import { together } from '../core/history.ts';
import { newId } from '../core/ids.ts';
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

// A drawing that steered a picture, as the ControlNet saw it.
export interface KeptControl {
  readonly kind: string;
  readonly url: string;
  readonly strength: number;
  readonly start: number;
  readonly end: number;
}

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

// What of the settings can be had here: a model, sampler or schedule that is unknown is left as it is.
async function usable(form: Partial<PaintForm>): Promise<{ form: Partial<PaintForm>; missing: string[] }> {
  const options = await queryClient.query({ ...paintOptionsQuery, staleTime: 'static' });
  const next = { ...form };
  const missing: string[] = [];
  if (next.model != null && !options.models.some(({ name }) => name === next.model)) {
    missing.push(`the model ${next.model}`);
    delete next.model;
  }
  const sampler = options.samplers.find(({ name }) => name === next.sampler);
  if (next.sampler !== undefined && sampler === undefined) {
    missing.push(`the sampler ${next.sampler}`);
    delete next.sampler;
    delete next.schedule;
  }
  if (next.schedule !== undefined && sampler?.schedules.includes(next.schedule) !== true) {
    delete next.schedule;
    if (sampler !== undefined) next.schedule = 'normal';
  }
  if (next.steps !== undefined) next.steps = clamp(Math.round(next.steps), 1, 150);
  if (next.cfg !== undefined) next.cfg = clamp(next.cfg, 1, 30);
  return { form: next, missing };
}

const drawnInLines: readonly LayerKind[] = ['scribble', 'canny'];

async function controlLayers(controls: readonly KeptControl[]): Promise<Layer[]> {
  const { canvas } = currentDocument();
  const layers: Layer[] = [];
  for (const { kind, url, strength, start, end } of controls) {
    const known = layerKind.safeParse(kind);
    if (!known.success || !isControl(known.data)) continue;
    const { id: asset, width, height } = await fetchAsset(url);
    const { x, y } = canvas.box;
    const lines = drawnInLines.includes(known.data);
    layers.push({
      ...newLayer(known.data, [...canvas.layers, ...layers]),
      strength: clamp(strength, 0, 2),
      start: clamp(start, 0, 1),
      end: clamp(end, 0, 1),
      items: [
        {
          type: 'picture',
          id: newId(),
          asset,
          x,
          y,
          width,
          height,
          ...(lines ? { as: 'lines' as const } : {}),
        },
      ],
    });
  }
  return layers;
}

// Settings, size and drawings as one step.
export async function recall(what: {
  form: Partial<PaintForm>;
  size?: { width: number; height: number };
  controls?: readonly KeptControl[];
}): Promise<void> {
  const { form, missing } = await usable(what.form);
  const layers = await controlLayers(what.controls ?? []);
  const { box } = currentDocument().canvas;
  const size = what.size === undefined ? box : gridBox(box.x, box.y, what.size.width, what.size.height);
  performAction(
    on(
      'canvas',
      together('Recall', [
        ...(Object.keys(form).length === 0 ? [] : [setForm(form)]),
        setBox(size),
        ...layers.map((layer) => addLayer(layer, null)),
      ]),
    ),
  );
  if (missing.length > 0) tell(`Not here: ${missing.join(', ')}. The rest is back.`);
}
