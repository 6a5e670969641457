// What can be done on the roll by name: menus, palette and shortcuts.
import { type Command, registerCommands } from '../app/commands/table.ts';
import { currentDocument, performOn } from '../app/document.ts';
import { tellFailure } from '../app/notices.ts';
import { layoutCommands } from '../app/shell/layout.ts';
import {
  addNotes,
  addTrack,
  moveNotes,
  quantise,
  removeNotes,
  removeTrack,
  repeatOf,
  resizeNotes,
  setTrack,
  transpose,
} from '../core/music/actions.ts';
import { zoomPitch, zoomTime } from '../core/music/coordinates.ts';
import { newId } from '../core/ids.ts';
import { asTick, freeChannel, musicEnd, newTrack } from '../core/music/model.ts';
import { grids } from '../core/music/time.ts';
import { composeNow, stopRun, useRun } from './composing/run.ts';
import { playExample } from './example.ts';
import { chooseMidi, exportMidi, exportWav } from './files.ts';
import { catchPlayed, hasCatch } from './playback/playing.ts';
import { audition, play, playheadNow, seek, stop, togglePlay } from './playback/player.ts';
import { stageOnScreen } from './stage-ref.ts';
import { chooseTrack, currentTrack, gridTicks, rollNow, select, selectedNotes, setRoll } from './view.ts';

const pane = 'roll';
const hasSelection = (): boolean => selectedNotes().length > 0;
const hasNotes = (): boolean => currentDocument().music.tracks.some(({ notes }) => notes.length > 0);
const ids = (): ReadonlySet<string> => rollNow().selected;
const idsOrAll = (): ReadonlySet<string> =>
  hasSelection() ? ids() : new Set(currentTrack().notes.map(({ id }) => id));

function transposeBy(semitones: number): void {
  if (!hasSelection()) {
    const pitch = Math.min(127, Math.max(0, rollNow().pitch + semitones));
    setRoll({ pitch });
    audition(currentTrack(), pitch);
    return;
  }
  const track = currentTrack();
  performOn('music', transpose(track.id, ids(), semitones));
  const [first] = selectedNotes();
  if (first !== undefined) audition(track, first.pitch, first.velocity);
}

function nudge(direction: number): void {
  if (hasSelection()) performOn('music', moveNotes(currentTrack().id, ids(), direction * gridTicks(), 0));
  else {
    seek(Math.max(0, (Math.round(playheadNow() / gridTicks()) + direction) * gridTicks()));
    stageOnScreen()?.reveal(rollNow().playhead);
  }
}

function choose(direction: number): void {
  const { notes } = currentTrack();
  const chosen = selectedNotes();
  const at = notes.findIndex(({ id }) => id === (direction > 0 ? chosen.at(-1) : chosen[0])?.id);
  const next = at < 0 ? (direction > 0 ? notes[0] : notes.at(-1)) : notes[at + direction];
  if (next === undefined) return;
  select([next]);
  setRoll({ pitch: next.pitch });
  stageOnScreen()?.reveal(next.tick);
  audition(currentTrack(), next.pitch, next.velocity);
}

function insertNote(): void {
  const { pitch, velocity, length } = rollNow();
  const note = { id: newId(), tick: asTick(playheadNow()), duration: length, pitch, velocity };
  performOn('music', addNotes(currentTrack().id, [note]));
  audition(currentTrack(), pitch, velocity);
  if (!rollNow().playing) seek(note.tick + length);
  stageOnScreen()?.reveal(rollNow().playhead);
}

function duplicate(): void {
  const copies = repeatOf(selectedNotes(), gridTicks());
  performOn('music', addNotes(currentTrack().id, copies, 'Duplicate'));
  select(copies);
}

function stepGrid(by: number): void {
  setRoll({ grid: Math.min(grids.length - 1, Math.max(0, rollNow().grid + by)) });
}

export function addNewTrack(): void {
  const { tracks } = currentDocument().music;
  const track = newTrack({ channel: freeChannel(tracks), name: `Track ${tracks.length + 1}` });
  performOn('music', addTrack(track));
  chooseTrack(track.id);
}

function switchTrack(by: number): void {
  const { tracks } = currentDocument().music;
  const at = tracks.findIndex(({ id }) => id === currentTrack().id);
  const next = tracks[(at + by + tracks.length) % tracks.length];
  if (next !== undefined) chooseTrack(next.id);
}

export function record(): void {
  const { recording, playing } = rollNow();
  setRoll({ recording: !recording });
  if (!playing) play();
}

const zoom = (factor: number, vertical: boolean): void => {
  const stage = stageOnScreen();
  if (stage === null) return;
  const { scale } = rollNow();
  const { width, height } = stage.size;
  stage.setScale(
    vertical ? zoomPitch(scale, height / 2, factor, height) : zoomTime(scale, width / 2, factor),
  );
};

const local = (
  id: string,
  title: string,
  keys: string[],
  run: () => void,
  available?: () => boolean,
): Command => ({
  id: `roll.${id}`,
  title,
  pane,
  keys,
  run,
  ...(available === undefined ? {} : { available }),
});
const inMenu = (command: Command): Command => ({ ...command, menu: 'Music' });

registerCommands([
  inMenu(local('play', 'Play or pause', ['Space'], togglePlay)),
  inMenu(local('start', 'Go to the beginning', ['Home'], () => seek(0))),
  local('end', 'Go to the end', ['End'], () => seek(musicEnd(currentDocument().music))),
  inMenu(local('record', 'Record what is played', ['R'], record)),
  inMenu(
    local('loop', 'Loop', ['Shift+L'], () => {
      const { loop } = rollNow();
      setRoll({ loop: { ...loop, on: !loop.on } });
    }),
  ),
  inMenu(local('metronome', 'Metronome', ['Mod+M'], () => setRoll({ metronome: !rollNow().metronome }))),
  inMenu(local('catch', 'Catch what was just played', ['Mod+Shift+M'], catchPlayed, hasCatch)),
  inMenu(
    local('typing', 'Computer keyboard as a piano', ['Mod+K'], () => setRoll({ typing: !rollNow().typing })),
  ),
  inMenu(
    local('step', 'Step recording: played notes are written one step each', ['Shift+S'], () =>
      setRoll({ stepping: !rollNow().stepping }),
    ),
  ),
  inMenu(
    local('continue', 'Continue by the composer', ['Mod+Enter'], () => {
      setRoll({ composer: true });
      composeNow();
    }),
  ),
  inMenu(
    local('composer', 'Show the composer', ['Shift+C'], () => setRoll({ composer: !rollNow().composer })),
  ),
  inMenu(
    local(
      'stop-composing',
      'Stop composing',
      ['Shift+X'],
      stopRun,
      () => useRun.getState().run?.state === 'running',
    ),
  ),
  inMenu({ ...local('import', 'Open a MIDI file…', ['Mod+Shift+O'], chooseMidi) }),
  inMenu(
    local(
      'export-midi',
      'Export as MIDI…',
      ['Mod+Shift+E'],
      () => void exportMidi().catch(tellFailure),
      hasNotes,
    ),
  ),
  inMenu(local('export-wav', 'Export as WAV…', [], () => void exportWav().catch(tellFailure), hasNotes)),
  {
    id: 'help.music-example',
    title: 'Play the example',
    menu: 'Help',
    run: () => {
      layoutCommands.show('roll');
      playExample();
    },
  },
  local('pencil', 'Pencil', ['1'], () => setRoll({ tool: 'pencil' })),
  local('select', 'Select', ['2'], () => setRoll({ tool: 'select' })),
  local('insert', 'Write a note at the playhead', ['Enter'], insertNote),
  local('up', 'Up a semitone', ['ArrowUp'], () => transposeBy(1)),
  local('down', 'Down a semitone', ['ArrowDown'], () => transposeBy(-1)),
  local('octave-up', 'Up an octave', ['Shift+ArrowUp'], () => transposeBy(12)),
  local('octave-down', 'Down an octave', ['Shift+ArrowDown'], () => transposeBy(-12)),
  local('earlier', 'Earlier by a step', ['ArrowLeft'], () => nudge(-1)),
  local('later', 'Later by a step', ['ArrowRight'], () => nudge(1)),
  local(
    'shorter',
    'Shorter by a step',
    ['Shift+ArrowLeft'],
    () => performOn('music', resizeNotes(currentTrack().id, ids(), 'end', -gridTicks(), gridTicks())),
    hasSelection,
  ),
  local(
    'longer',
    'Longer by a step',
    ['Shift+ArrowRight'],
    () => performOn('music', resizeNotes(currentTrack().id, ids(), 'end', gridTicks(), gridTicks())),
    hasSelection,
  ),
  local('next', 'Choose the next note', ['Mod+ArrowRight'], () => choose(1)),
  local('previous', 'Choose the note before', ['Mod+ArrowLeft'], () => choose(-1)),
  local('select-all', 'Choose all notes of the track', ['Mod+A'], () => select(currentTrack().notes)),
  local('select-none', 'Choose nothing', ['Escape'], () => select([]), hasSelection),
  local(
    'delete',
    'Delete the notes',
    ['Delete', 'Backspace'],
    () => performOn('music', removeNotes(currentTrack().id, ids())),
    hasSelection,
  ),
  local('duplicate', 'Duplicate the notes', ['Mod+D'], duplicate, hasSelection),
  local('quantise', 'Quantise', ['Q'], () =>
    performOn('music', quantise(currentTrack().id, idsOrAll(), gridTicks())),
  ),
  local(
    'transpose',
    'Transpose by…',
    ['T'],
    () => document.querySelector<HTMLInputElement>('.roll-transpose input')?.focus(),
    hasSelection,
  ),
  local('coarser', 'Coarser grid', ['Shift+<', 'Shift+,'], () => stepGrid(-1)),
  local('finer', 'Finer grid', ['Shift+>', 'Shift+.'], () => stepGrid(1)),
  local('ghosts', 'Show other tracks as ghosts', [','], () => setRoll({ ghosts: !rollNow().ghosts })),
  local('mute', 'Mute the track', ['M'], () => {
    const { id, muted } = currentTrack();
    performOn('music', setTrack(id, { muted: !muted }));
  }),
  local('solo', 'Solo the track', ['N'], () => {
    const { id, solo } = currentTrack();
    performOn('music', setTrack(id, { solo: !solo }));
  }),
  local('track-next', 'Next track', [']'], () => switchTrack(1)),
  local('track-previous', 'Track before', ['['], () => switchTrack(-1)),
  inMenu(local('track-add', 'Add a track', ['Mod+Shift+T'], addNewTrack)),
  inMenu(
    local(
      'track-delete',
      'Delete the track',
      [],
      () => performOn('music', removeTrack(currentTrack().id)),
      () => currentDocument().music.tracks.length > 1,
    ),
  ),
  local('fit', 'Fit all notes', ['Mod+0'], () => stageOnScreen()?.fit()),
  local('zoom-in', 'Zoom in', ['Mod+=', 'Mod+Plus'], () => zoom(1.3, false)),
  local('zoom-out', 'Zoom out', ['Mod+-'], () => zoom(1 / 1.3, false)),
  local('taller', 'Taller rows', ['Alt+ArrowUp'], () => zoom(1.25, true)),
  local('lower', 'Lower rows', ['Alt+ArrowDown'], () => zoom(0.8, true)),
]);

// Stops what plays when the pane goes: nothing plays that cannot be seen.
export const silenceRoll = (): void => {
  if (rollNow().playing) stop();
};
