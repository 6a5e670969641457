// The demo: one 256x256 picture from a prompt and a drawing, on whatever Vulkan device there is. Uses the embedded
// model; without one it makes a model of the right shape with random weights, and says that the picture is noise.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { tryModels } from '../lib/try-models.mjs';

const drawing = join(root, 'resources', 'demo', 'fish.png');
const prompt = 'an orange fish';

// The embedded pipeline and the kind of drawing that it understands, or null.
function embedded() {
  const folder = join(root, 'resources', 'models');
  if (!existsSync(folder)) return null;
  const names = readdirSync(folder);
  const hasPipeline = names.some((name) => existsSync(join(folder, name, 'model_index.json')));
  return hasPipeline && names.includes('controlnet-scribble')
    ? { model: [], control: `scribble=${drawing}` }
    : null;
}

async function randomModel() {
  const folder = await tryModels();
  const control = join(folder, 'controlnet-scribble');
  return {
    model: ['--model', join(folder, 'random-weights')],
    control: `scribble=${drawing},model=${control}`,
  };
}

function sluice(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'sluice'), args, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? code : 130));
  });
}

// Paints into demo-output/. Returns the exit status.
export async function demo() {
  const found = embedded();
  if (found === null) {
    console.log(
      'There is no embedded model yet: the demo paints with random weights, so its picture is noise.',
    );
  }
  const { model, control } = found ?? (await randomModel());
  const folder = join(root, 'demo-output');
  mkdirSync(folder, { recursive: true });
  const out = join(folder, 'fish.png');
  console.log(`Painting "${prompt}" over the drawing ${drawing}`);
  const args = ['paint', '--prompt', prompt, ...model, '--control', control, '--size', '256x256'];
  const started = performance.now();
  const status = await sluice([...args, '--steps', '20', '--seed', '1', '--out', out]);
  if (status === 0) {
    console.log(
      `The picture is ${out} (${((performance.now() - started) / 1000).toFixed(1)} s with everything)`,
    );
  }
  return status;
}
