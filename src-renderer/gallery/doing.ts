// What can be done with a picture of the gallery.
import type { GalleryPicture, MadeFrom } from '../../src-preload/contract/gallery.ts';
import { addAsset } from '../app/assets.ts';
import { currentDocument } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { layoutCommands } from '../app/shell/layout.ts';
import { studio } from '../app/studio.ts';
import { type KeptControl, recall } from '../canvas/recall.ts';
import { placePainted } from '../canvas/results.ts';
import type { PaintForm } from '../core/canvas/model.ts';
import {
  addPictures,
  changePicture,
  forgetPicture,
  matching,
  nameOf,
  picturesQuery,
  useGalleryView,
} from './pictures.ts';
import { queryClient } from '../app/queries.ts';

export type Part = 'all' | 'remix' | 'prompt' | 'seed' | 'size';

const wordsOf = ({ prompt, negative }: MadeFrom): Partial<PaintForm> => ({ prompt, negative });

// All but the seed: another picture of the same kind.
function settingsOf(from: MadeFrom): Partial<PaintForm> {
  const { model, steps, cfg, sampler, schedule, strength } = from;
  return {
    ...wordsOf(from),
    ...(model === null ? {} : { model }),
    ...(steps === null ? {} : { steps }),
    ...(cfg === null ? {} : { cfg }),
    ...(sampler === null ? {} : { sampler }),
    ...(schedule === null ? {} : { schedule }),
    ...(strength === null ? {} : { strength: Math.min(1, strength) }),
  };
}

const seedOf = ({ seed }: MadeFrom): Partial<PaintForm> => (seed === null ? {} : { seed });

const said: Record<Part, string> = {
  all: 'Everything that the picture was made from is back.',
  remix: 'The settings are back, with another seed each time.',
  prompt: 'The prompt is back.',
  seed: 'The seed is back.',
  size: 'The painted area has the size of the picture.',
};

async function take(picture: GalleryPicture, part: Part): Promise<void> {
  const { from, width, height } = picture;
  layoutCommands.show('canvas');
  if (part === 'size') await recall({ form: {}, size: { width, height } });
  else if (from === null) {
    tell('This picture does not say what it was made from.');
    return;
  } else if (part === 'prompt') await recall({ form: wordsOf(from) });
  else if (part === 'seed') await recall({ form: seedOf(from) });
  else {
    const controls = from.controls.filter((control): control is KeptControl => control.url !== null);
    await recall({
      form: { ...settingsOf(from), ...(part === 'remix' ? { seed: null } : seedOf(from)) },
      size: { width, height },
      controls,
    });
  }
  tell(said[part]);
}

export const takeFrom = (picture: GalleryPicture, part: Part): void =>
  void take(picture, part).catch(tellFailure);

export function place(picture: GalleryPicture): void {
  const { url, width, height } = picture;
  const { box } = currentDocument().canvas;
  layoutCommands.show('canvas');
  placePainted(url, nameOf(picture), { ...box, width, height }).catch(tellFailure);
}

// Shown at once, and as it was again where it cannot be kept.
function change<Key extends 'starred' | 'board'>(
  picture: GalleryPicture,
  key: Key,
  value: GalleryPicture[Key],
  kept: Promise<unknown>,
): void {
  changePicture(picture.id, { [key]: value });
  kept.catch((error: unknown) => {
    changePicture(picture.id, { [key]: picture[key] });
    tellFailure(error);
  });
}

export const star = (picture: GalleryPicture): void => {
  const [id, starred] = [picture.id, !picture.starred];
  change(picture, 'starred', starred, studio.gallery.star({ id, starred }));
};

export const putOnBoard = (picture: GalleryPicture, board: string | null): void =>
  change(picture, 'board', board, studio.gallery.board({ id: picture.id, board }));

// The next picture that is chosen is shown with this one.
export function compare({ id }: GalleryPicture): void {
  useGalleryView.setState({ compared: id });
  tell('Choose the picture to compare it with.');
}

export const reveal = ({ id }: GalleryPicture): void => void studio.gallery.reveal(id).catch(tellFailure);

const shown = (): GalleryPicture[] =>
  matching(queryClient.getQueryData(picturesQuery.queryKey) ?? [], useGalleryView.getState());

export async function trash({ id }: GalleryPicture): Promise<void> {
  const list = shown();
  const at = list.findIndex((picture) => picture.id === id);
  try {
    await studio.gallery.trash(id);
    useGalleryView.setState({ chosen: (list[at + 1] ?? list[at - 1])?.id ?? null });
    forgetPicture(id);
    tell('The picture is in the trash.');
  } catch (error) {
    tellFailure(error);
  }
}

// The browser's own conversion; PNG files stay byte for byte, with their texts.
async function pngOf(file: File): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return bytes;
  await addAsset(bytes); // says what is wrong with a file that is no picture
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}

export async function bring(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      const picture = await studio.gallery.bring({ name: file.name, file: await pngOf(file) });
      addPictures([picture]);
      useGalleryView.setState({ chosen: picture.id, search: '', starredOnly: false, board: null });
    } catch (error) {
      tellFailure(error);
    }
  }
}
