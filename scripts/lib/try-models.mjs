// Models to try the engine with where none is embedded: random weights of a small shape, and ControlNets to match.
// What they paint is noise.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDir, nativeBuildDir, root } from './paths.mjs';
import { run } from './process.mjs';
import { writeSeededFolder } from './seeded.mjs';

export const tryModelsDir = join(buildDir, 'try-models');

export function hasEmbeddedModel() {
  const folder = join(root, 'resources', 'models');
  return (
    existsSync(folder) &&
    readdirSync(folder).some((name) => existsSync(join(folder, name, 'model_index.json')))
  );
}

// A folder for SLUICE_MODELS.
export async function tryModels() {
  if (existsSync(join(tryModelsDir, 'complete'))) return tryModelsDir;
  if (!existsSync(join(nativeBuildDir, 'examples', 'seeded_model'))) {
    await run('cmake', ['--build', nativeBuildDir, '--target', 'seeded_model', '--parallel', '2']);
  }
  const part = `${tryModelsDir}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const model = await writeSeededFolder('tiny', join(part, 'random-weights'));
  writeFileSync(
    join(model, 'RANDOM_WEIGHTS'),
    'These weights are random numbers; see src-main/library/models.ts.\n',
  );
  for (const kind of ['scribble', 'canny']) {
    symlinkSync(join('random-weights', 'controlnet'), join(part, `controlnet-${kind}`));
  }
  writeFileSync(join(part, 'complete'), '');
  rmSync(tryModelsDir, { recursive: true, force: true });
  renameSync(part, tryModelsDir);
  return tryModelsDir;
}
