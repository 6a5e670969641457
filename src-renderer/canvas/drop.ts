// Pictures that are dropped or pasted become layers, in the middle of the box and no larger than it.
import { addAsset } from '../app/assets.ts';
import { currentDocument, performOn } from '../app/document.ts';
import { tellFailure } from '../app/notices.ts';
import { placePicture } from '../core/canvas/actions.ts';
import { newId } from '../core/ids.ts';
import { useCanvasView } from './view.ts';
import { isTyping } from '../app/commands/keys.ts';

export async function importPicture(file: File, kind: 'paint' | 'canny' = 'paint'): Promise<void> {
  const asset = await addAsset(new Uint8Array(await file.arrayBuffer()));
  const { box } = currentDocument().canvas;
  const scale = Math.min(1, box.width / asset.width, box.height / asset.height);
  const width = Math.max(1, Math.round(asset.width * scale));
  const height = Math.max(1, Math.round(asset.height * scale));
  const x = box.x + Math.round((box.width - width) / 2);
  const y = box.y + Math.round((box.height - height) / 2);
  const name = file.name.replace(/\.[^.]*$/, '') || 'Picture';
  const layerId = newId();
  performOn(
    'canvas',
    placePicture({ type: 'picture', id: layerId, asset: asset.id, x, y, width, height }, name, kind),
  );
  useCanvasView.setState({ selected: layerId });
}

export const importPictures = (files: Iterable<File>, kind: 'paint' | 'canny' = 'paint'): void => {
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
export function choosePictures(kind: 'paint' | 'canny' = 'paint'): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = 'image/png,image/jpeg,image/webp,image/gif,image/avif';
  input.multiple = true;
  input.addEventListener('change', () => importPictures(input.files ?? [], kind));
  input.click();
}
