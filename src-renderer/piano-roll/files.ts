// Music from files and into files.
import { currentDocument, performOn } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { useProject } from '../app/project.ts';
import { studio } from '../app/studio.ts';
import { replaceMusic } from '../core/music/actions.ts';
import { readMidi, writeMusic } from '../core/music/file.ts';
import { encodeWav } from '../core/music/wav.ts';
import { stop } from './playback/player.ts';
import { renderMusic } from './playback/render.ts';
import { stageOnScreen } from './stage-ref.ts';
import { setRoll } from './view.ts';

export async function importMidi(file: File): Promise<void> {
  const { music, left } = readMidi(new Uint8Array(await file.arrayBuffer()), file.name);
  stop(0);
  performOn('music', replaceMusic(music, `Open ${file.name}`));
  setRoll({ track: null, selected: new Set() });
  stageOnScreen()?.fit();
  if (left.length > 0) tell(`${file.name} was opened without its ${left.join(', ')}.`);
}

export function chooseMidi(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.mid,.midi,audio/midi';
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) importMidi(file).catch(tellFailure);
  });
  input.click();
}

export function listenForFiles(element: HTMLElement): () => void {
  const onOver = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
  };
  const onDrop = (event: DragEvent): void => {
    const [file] = event.dataTransfer?.files ?? [];
    if (file === undefined) return;
    event.preventDefault();
    importMidi(file).catch(tellFailure);
  };
  element.addEventListener('dragover', onOver);
  element.addEventListener('drop', onDrop);
  return () => {
    element.removeEventListener('dragover', onOver);
    element.removeEventListener('drop', onDrop);
  };
}

async function save(kind: string, extension: string, content: Uint8Array<ArrayBuffer>): Promise<void> {
  const suggested = `${useProject.getState().name}.${extension}`;
  const name = await studio.files.save({ suggested, kind, extension, content });
  if (name !== null) tell(`Saved ${name}.`);
}

export async function exportMidi(): Promise<void> {
  await save('MIDI file', 'mid', writeMusic(currentDocument().music));
}

export async function exportWav(): Promise<void> {
  stop();
  tell('The music is being rendered…');
  const { channels, rate } = await renderMusic(currentDocument().music);
  await save('WAV sound', 'wav', encodeWav(channels, rate));
}
