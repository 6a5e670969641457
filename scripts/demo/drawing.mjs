// Draws resources/demo/fish.png: white strokes on black, as a hand would scribble them. Run once; the result is
// committed. node scripts/demo/drawing.mjs
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { root } from '../lib/paths.mjs';

const strokes = [
  'M 40 130 C 70 70, 140 62, 184 118 C 146 186, 74 190, 40 130 Z', // body
  'M 182 118 C 200 96, 218 84, 232 80 C 224 108, 224 138, 233 166 C 216 160, 198 144, 182 122', // tail
  'M 96 82 C 106 54, 138 52, 152 88', // upper fin
  'M 104 172 C 110 194, 134 196, 140 166', // lower fin
  'M 84 98 C 98 118, 98 144, 86 164', // gill
  'M 44 138 C 52 144, 60 144, 66 140', // mouth
];

const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">
  <rect width="256" height="256" fill="black"/>
  <g fill="none" stroke="white" stroke-width="4" stroke-linecap="round" stroke-linejoin="round">
    ${strokes.map((path) => `<path d="${path}"/>`).join('\n    ')}
    <circle cx="66" cy="116" r="5"/>
  </g>
</svg>`;

const target = join(root, 'resources', 'demo', 'fish.png');
mkdirSync(dirname(target), { recursive: true });
await sharp(Buffer.from(drawing))
  .greyscale()
  .png({ compressionLevel: 9, palette: true, colours: 16 })
  .toFile(target);
