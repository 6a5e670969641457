// The C program paints through include/sluice.h alone: the same bytes as the command line makes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sluice } from '../lib/cli.mjs';
import { nativeBuildDir, root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';
import { writeSeededFolder } from '../lib/seeded.mjs';

export const name = 'example';

export async function run(check) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-example-'));
  const at = (file) => join(place, file);
  try {
    await writeSeededFolder('tiny', at('tiny'));
    const args = [at('tiny'), 'a cat', at('c.ppm'), '2', '64x64', at('cache'), join(root, 'resources')];
    const c = await capture(join(nativeBuildDir, 'examples', 'paint'), args);
    if (!check('the C program paints', c.code === 0, c.stdout + c.stderr)) return;
    const same = [
      '--prompt',
      'a cat',
      '--model',
      at('tiny'),
      '--steps',
      '2',
      '--size',
      '64x64',
      '--seed',
      '1',
    ];
    const js = await sluice(['paint', ...same, '--out', at('js.png')], {
      env: { XDG_CACHE_HOME: at('cache2') },
    });
    check('the command line paints the same job', js.code === 0, js.stdout + js.stderr);
    const { default: sharp } = await import('sharp');
    const pixels = await sharp(at('js.png')).raw().toBuffer();
    check('both give the same pixels', readFileSync(at('c.ppm')).subarray(-pixels.length).equals(pixels));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
