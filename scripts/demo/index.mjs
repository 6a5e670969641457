// The demo: one 256x256 picture from a prompt and a drawing, on whatever Vulkan device there is, by the embedded
// model.
import { mkdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';

const drawing = join(root, 'resources', 'demo', 'fish.png');
const prompt = 'an orange fish';

function sluice(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'sluice'), args, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? code : 130));
  });
}

// Paints into demo-output/. Returns the exit status.
export async function demo() {
  const folder = join(root, 'demo-output');
  mkdirSync(folder, { recursive: true });
  const out = join(folder, 'fish.png');
  console.log(`Painting "${prompt}" over the drawing ${drawing}`);
  const args = ['paint', '--prompt', prompt, '--control', `scribble=${drawing}`, '--size', '256x256'];
  const started = performance.now();
  const status = await sluice([...args, '--steps', '20', '--seed', '1', '--out', out]);
  if (status === 0) {
    console.log(
      `The picture is ${out} (${((performance.now() - started) / 1000).toFixed(1)} s with everything)`,
    );
  }
  return status;
}
