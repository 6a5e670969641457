// Pictures that are dropped or pasted become layers, in the middle of the box and no larger than it.
import { addAsset } from '../app/assets.ts';
import { currentDocument } from '../app/document.ts';
import { tellFailure } from '../app/notices.ts';
import type { LayerKind, Placed } from '../core/canvas/model.ts';
import { composePicture } from './compose.ts';
import { placeAsset } from './results.ts';
import { selectedLayer } from './view.ts';
import { isTyping } from '../app/commands/keys.ts';

export type PictureKind = Exclude<LayerKind, 'pose'>;

// A mask says what is white; of a drawing nobody knows, and it is looked at.
const shownAs: Partial<Record<PictureKind, Placed['as']>> = { scribble: 'drawing', mask: 'lines' };

export async function importPicture(file: File, kind: PictureKind = 'paint'): Promise<void> {
  const asset = await addAsset(new Uint8Array(await file.arrayBuffer()));
  const { box } = currentDocument().canvas;
  const scale = Math.min(1, box.width / asset.width, box.height / asset.height);
  const width = Math.max(1, Math.round(asset.width * scale));
  const height = Math.max(1, Math.round(asset.height * scale));
  const x = box.x + Math.round((box.width - width) / 2);
  const y = box.y + Math.round((box.height - height) / 2);
  const name = file.name.replace(/\.[^.]*$/, '') || 'Picture';
  const as = shownAs[kind] === undefined ? {} : { as: shownAs[kind] };
  placeAsset({ asset: asset.id, x, y, width, height, ...as }, name, kind);
}

export const importPictures = (files: Iterable<File>, kind: PictureKind = 'paint'): void => {
  for (const file of files) importPicture(file, kind).catch(tellFailure);
};

export function listenForPictures(element: HTMLElement): () => void {
  const onOver = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
  };
  const onDrop = (event: DragEvent): void => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    importPictures(files);
  };
  const onPaste = (event: ClipboardEvent): void => {
    if (isTyping(event.target)) return;
    importPictures([...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith('image/')));
  };
  element.addEventListener('dragover', onOver);
  element.addEventListener('drop', onDrop);
  window.addEventListener('paste', onPaste);
  return () => {
    element.removeEventListener('dragover', onOver);
    element.removeEventListener('drop', onDrop);
    window.removeEventListener('paste', onPaste);
  };
}

// Asks for files by the system's own dialog.
export function choosePictures(kind: PictureKind = 'paint'): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = 'image/png,image/jpeg,image/webp,image/gif,image/avif';
  input.multiple = true;
  input.addEventListener('change', () => importPictures(input.files ?? [], kind));
  input.click();
}

// The edges of a layer, where the painted area lies; of a picture to be chosen where the layer holds nothing to trace.
export async function traceLayer(): Promise<void> {
  const layer = selectedLayer();
  const { box } = currentDocument().canvas;
  const picture = layer?.kind === 'paint' ? await composePicture([layer], box) : null;
  if (layer === undefined || picture === null || picture.empty) {
    choosePictures('canny');
    return;
  }
  const { id: asset } = await addAsset(picture.file);
  placeAsset({ asset, ...box }, `Edges of ${layer.name}`, 'canny');
}
