import { registerCommands } from '../app/commands/table.ts';
import type { GalleryPicture } from '../../src-preload/contract/gallery.ts';
import { compare, type Part, place, reveal, star, takeFrom, trash } from './doing.ts';
import { chosenPicture } from './pictures.ts';

const pane = 'gallery';

const withPicture = (id: string, title: string, keys: string[], run: (picture: GalleryPicture) => void) => ({
  id: `gallery.${id}`,
  title,
  pane,
  keys,
  available: () => chosenPicture() !== null,
  run: () => {
    const picture = chosenPicture();
    if (picture !== null) run(picture);
  },
});

const taking = (part: Part, title: string, key: string) =>
  withPicture(`use-${part}`, title, [key], (picture) => takeFrom(picture, part));

registerCommands([
  taking('all', "Use all of the picture's settings", 'A'),
  taking('seed', "Use the picture's seed", 'S'),
  taking('prompt', "Use the picture's prompt", 'P'),
  taking('remix', "Remix: the picture's settings with another seed", 'R'),
  taking('size', "Use the picture's size", 'D'),
  withPicture('place', 'Place the picture on the canvas', ['Enter'], place),
  withPicture('star', 'Star the picture, or not', ['.'], star),
  withPicture('compare', 'Compare the picture with another', ['C'], compare),
  withPicture('reveal', 'Show the picture in its folder', ['F'], reveal),
  withPicture('trash', 'Move the picture to the trash', ['Delete'], (picture) => void trash(picture)),
]);
