// What a finished picture says about itself: A1111's `parameters` text, so that existing tools read it, and the
// whole job as JSON under `sluice`, so that it can be made again.
import { basename, parse } from 'node:path';
import type { PaintRequest } from '../../src-preload/contract/jobs.ts';
import { withTags } from '../library/loras.ts';
import type { PngText } from '../library/png.ts';

// Sampler names as A1111 shows them; a schedule other than the usual is named apart there.
const samplerLabels: Record<string, string> = {
  euler: 'Euler',
  euler_a: 'Euler a',
  ddim: 'DDIM',
  dpmpp_2m: 'DPM++ 2M',
};
const scheduleLabels: Record<string, string> = {
  normal: 'Automatic',
  karras: 'Karras',
  exponential: 'Exponential',
};

export function parametersText(request: PaintRequest, seed: number): string {
  const fields: [string, string | number][] = [
    ['Steps', request.steps],
    ['Sampler', samplerLabels[request.sampler] ?? request.sampler],
    ['Schedule type', scheduleLabels[request.schedule] ?? request.schedule],
    ['CFG scale', request.cfg],
    ['Seed', seed],
    ['Size', `${request.width}x${request.height}`],
    ['Model', parse(request.model).name],
  ];
  if (request.clipSkip > 1) fields.push(['Clip skip', request.clipSkip]);
  if (request.init !== null) fields.push(['Denoising strength', request.strength]);
  request.controls.forEach(({ kind, model, strength, start, end }, index) => {
    const unit = [
      `Module: none, Model: ${parse(model).name} [${kind}], Weight: ${strength}`,
      `Guidance Start: ${start}, Guidance End: ${end}`,
    ].join(', ');
    fields.push([`ControlNet ${index}`, `"${unit}"`]);
  });
  fields.push(['Version', 'sluice']);
  const negative = request.negative === '' ? '' : `Negative prompt: ${request.negative}\n`;
  return `${withTags(request.prompt, request.loras)}\n${negative}${fields.map(([name, value]) => `${name}: ${value}`).join(', ')}`;
}

// What makes the picture and nothing else: paths are shortened to file names, because a picture that is passed on
// should not tell where its maker keeps files; budget, device and the like are left out, because the same picture
// should be the same file on every one.
export function jobJson(request: PaintRequest, seed: number): string {
  const short = (path: string | null): string | null => (path === null ? null : basename(path));
  return JSON.stringify({
    sluice: 1,
    type: request.type,
    prompt: request.prompt,
    negative: request.negative,
    promptSyntax: request.promptSyntax,
    model: basename(request.model),
    vae: short(request.vae),
    width: request.width,
    height: request.height,
    steps: request.steps,
    cfg: request.cfg,
    sampler: request.sampler,
    schedule: request.schedule,
    seed,
    count: 1,
    clipSkip: request.clipSkip,
    vaeTiling: request.vaeTiling,
    loras: request.loras.map(({ path, strength }) => ({ path: basename(path), strength })),
    controls: request.controls.map((control) => ({
      ...control,
      image: basename(control.image),
      model: basename(control.model),
    })),
    init: short(request.init),
    mask: short(request.mask),
    strength: request.strength,
    latents: short(request.latents),
    precision: request.precision,
  });
}

export function pictureTexts(request: PaintRequest, seed: number): PngText[] {
  return [
    { keyword: 'parameters', text: parametersText(request, seed) },
    { keyword: 'sluice', text: jobJson(request, seed) },
  ];
}
