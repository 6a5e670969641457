// The command line against diffusers and transformers: a pass of every network and pictures of every kind of job, on
// models with random weights: every sampler, kind of job and convention once; the suite every-golden has all of their
// combinations. Bounds: max|a-b| / max|b| of a pass's outputs and of the final latents; the PSNR of the
// picture, which a fault as small as a ControlNet's strength of 0.95 for 1 would break (fp32).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sluice } from '../lib/cli.mjs';
import { goldens, psnr, readIndex, readTensors, worstDifference } from '../lib/goldens.mjs';
import { sideBySide } from '../lib/pool.mjs';
import { writeSeededFolder } from '../lib/seeded.mjs';

export const name = 'goldens';

const pictureBounds = { fp32: { latents: 1e-3, psnr: 65 }, fp16: { latents: 5e-3, psnr: 57 } };

const chosenPasses = [
  ...['odd/text-encoder-b2', 'tiny/unet-b2-9x11-residuals', 'odd2/controlnet-b2-5x7-strength'],
  ...['odd/vae-encoder-b1-64x48', 'tiny/vae-decoder-b2-4x6', 'tiny/unet-b1-9x13-two-chunks'],
];
const chosenPictures = [
  ...['euler-text', 'dpmpp_2m-karras-two-controls', 'ddim-inpaint', 'euler_a-image', 'odd-sizes', 'windows'],
  ...['clip-skip', 'long-prompt', 'image-from-latents', 'euler-karras-control', 'ddim-text'],
  ...['dpmpp_2m-inpaint', 'dpmpp_2m-karras-image', 'unguided', 'image-control-window'],
  ...['inpaint-control', 'classic', 'weights', 'weights-long', 'lora-two'],
];
// Half storage changes no convention, only rounding.
const inHalvesToo = ['dpmpp_2m-karras-two-controls', 'odd-sizes', 'windows'];
const chosen = (folder, names) =>
  names.map((name) => readIndex(folder).find((row) => row.name === name) ?? { name });

function passBound(network, precision) {
  if (precision === 'fp32') return 1e-3;
  return network.startsWith('vae') ? 1e-2 : 5e-3;
}

function paintArguments(row, folder, model) {
  const at = (file) => join(folder, file);
  const args = ['--model', model, '--prompt', row.prompt, '--negative', row.negative];
  args.push('--size', `${row.width}x${row.height}`, '--steps', row.steps, '--cfg', row.cfg);
  args.push('--sampler', row.sampler, '--schedule', row.schedule, '--seed', row.seed);
  for (const control of row.controls ?? []) {
    const { image, strength, start, end } = control;
    const options = `strength=${strength},start=${start},end=${end},model=${join(model, control.model)}`;
    args.push('--control', `edge=${at(image)},${options}`);
  }
  for (const key of ['latents', 'init', 'mask']) if (row[key]) args.push(`--${key}`, at(row[key]));
  if (row.strength !== undefined) args.push('--strength', row.strength);
  for (const { file, strength } of row.loras ?? []) args.push('--lora', `${at(file)},${strength}`);
  if (row.syntax !== undefined) args.push('--prompt-syntax', row.syntax);
  if (row.clip_skip !== undefined) args.push('--clip-skip', row.clip_skip);
  return args.map(String);
}

const failure = (result) => result.last?.message ?? `status ${result.code} ${result.stderr.slice(-500)}`;

async function passes(check, at) {
  const folder = join(goldens, 'probe');
  await sideBySide(chosen('probe', chosenPasses), async (row) => {
    for (const precision of ['fp32', 'fp16']) {
      const out = at(`${row.name.replace('/', '-')}.out.safetensors`);
      const files = ['--in', join(folder, `${row.name}.in.safetensors`), '--out', out];
      const model = ['--model', join(at(row.model), row.component), '--precision', precision];
      const result = await sluice(['probe', row.network, ...model, ...files]);
      const title = `${row.name} in ${precision}`;
      if (!check(`${title} runs`, result.code === 0, failure(result))) continue;
      const apart = worstDifference(
        readTensors(out),
        readTensors(join(folder, `${row.name}.out.safetensors`)),
      );
      const bound = passBound(row.network, precision);
      check(`${title}: ${apart.toExponential(1)} of ${bound}`, apart <= bound);
    }
  });
}

async function pictures(check, at) {
  const folder = join(goldens, 'paint');
  await sideBySide(chosen('paint', chosenPictures), async (row) => {
    for (const precision of inHalvesToo.includes(row.name) ? ['fp32', 'fp16'] : ['fp32']) {
      const [picture, latents] = [at(`${row.name}.png`), at(`${row.name}.safetensors`)];
      const outputs = ['--precision', precision, '--out', picture, '--save-latents', latents];
      const result = await sluice(['paint', ...paintArguments(row, folder, at(row.model)), ...outputs]);
      const title = `${row.name} in ${precision}`;
      if (!check(`${title} paints`, result.code === 0, failure(result))) continue;
      const expected = readTensors(join(folder, `${row.name}.safetensors`));
      const apart = worstDifference(readTensors(latents), expected);
      const quality = await psnr(picture, join(folder, `${row.name}.png`));
      const bounds = pictureBounds[precision];
      const figures = `latents ${apart.toExponential(1)} of ${bounds.latents}, ${quality.toFixed(1)} dB of ${bounds.psnr}`;
      check(`${title}: ${figures}`, apart <= bounds.latents && quality >= bounds.psnr);
    }
  });
}

export async function run(check) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-goldens-'));
  const at = (file) => join(place, file);
  try {
    for (const model of ['tiny', 'odd', 'odd2', 'classic']) await writeSeededFolder(model, at(model));
    await passes(check, at);
    await pictures(check, at);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
