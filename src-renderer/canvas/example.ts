// The example: a scribbled fish, painted at once. What the first start offers, so that something is made in one click.
import { performAction } from '../app/document.ts';
import { layoutCommands } from '../app/shell/layout.ts';
import { addItem, setForm } from '../core/canvas/actions.ts';
import { on } from '../core/document.ts';
import { together } from '../core/history.ts';
import { newId } from '../core/ids.ts';
import { currentDocument } from '../app/document.ts';
import { addLayer } from '../core/canvas/actions.ts';
import { newLayer } from '../core/canvas/model.ts';
import { generate } from './generate.ts';
import { stageOnScreen } from './stage-ref.ts';
import { inkOf } from './view.ts';

// Strokes through these points, in a box of 256.
const strokes: readonly (readonly [number, number][])[] = [
  [
    [40, 130],
    [52, 112],
    [72, 95],
    [98, 84],
    [126, 82],
    [150, 91],
    [170, 105],
    [184, 118],
    [172, 138],
    [150, 156],
    [124, 167],
    [98, 168],
    [72, 158],
    [52, 144],
    [40, 130],
  ],
  [
    [182, 118],
    [197, 102],
    [214, 90],
    [232, 80],
    [227, 100],
    [225, 122],
    [228, 144],
    [233, 166],
    [216, 157],
    [198, 142],
    [182, 122],
  ],
  [
    [96, 82],
    [106, 64],
    [122, 57],
    [140, 66],
    [152, 88],
  ],
  [
    [104, 170],
    [112, 186],
    [126, 190],
    [138, 180],
    [140, 166],
  ],
  [
    [84, 98],
    [94, 114],
    [97, 132],
    [94, 150],
    [86, 164],
  ],
  [
    [44, 138],
    [52, 142],
    [60, 142],
    [66, 140],
  ],
  [
    [64, 112],
    [69, 113],
    [70, 118],
    [66, 120],
    [62, 117],
    [64, 112],
  ],
];

export async function paintExample(): Promise<void> {
  layoutCommands.show('canvas');
  const { canvas } = currentDocument();
  const existing = canvas.layers.find(
    ({ kind, items, locked }) => kind === 'scribble' && items.length === 0 && !locked,
  );
  const layer = existing ?? newLayer('scribble', canvas.layers);
  const { x, y, width, height } = canvas.box;
  const [sx, sy] = [width / 256, height / 256];
  const items = strokes.map((points) => ({
    type: 'stroke' as const,
    id: newId(),
    samples: points.flatMap(([px, py]) => [x + px * sx, y + py * sy, 0.5]),
    size: Math.max(2, Math.round(4 * Math.min(sx, sy))),
    colour: inkOf(layer),
    erase: false,
  }));
  performAction(
    on(
      'canvas',
      together('Example', [
        ...(existing === undefined ? [addLayer(layer, null)] : []),
        ...items.map((item) => addItem(layer.id, item)),
        setForm({ prompt: 'an orange fish', steps: 12 }),
      ]),
    ),
  );
  stageOnScreen()?.fit();
  await generate();
}
