// Keys that a person plays, on an instrument or on the computer's keyboard: heard, written while recording or
// stepping, and kept for a while so that what was just played can be caught.
import { isTyping } from '../../app/commands/keys.ts';
import { currentDocument, performOn } from '../../app/document.ts';
import { tell } from '../../app/notices.ts';
import { useLayout } from '../../app/shell/layout.ts';
import { addNotes } from '../../core/music/actions.ts';
import { newId } from '../../core/ids.ts';
import { asTick, type Note } from '../../core/music/model.ts';
import { secondsAt, ticksAt } from '../../core/music/time.ts';
import { currentTrack, gridTicks, rollNow, select, setRoll } from '../view.ts';
import { audition, playheadNow, seek } from './player.ts';

interface Held {
  readonly at: number; // seconds of the clock
  readonly tick: number; // where the music was
  readonly velocity: number;
}

interface Played extends Held {
  readonly pitch: number;
  readonly seconds: number;
}

const held = new Map<number, Held>();
let lately: Played[] = [];
const MEMORY = 120; // seconds of what was played that can be caught
const PAUSE = 4; // seconds of silence that part one catch from another

const clock = (): number => performance.now() / 1000;

function showSounding(): void {
  setRoll({ sounding: new Set(held.keys()) });
}

// A played note, from `tick` of the music on, for so many seconds.
function noteAt(tick: number, pitch: number, velocity: number, seconds: number): Note {
  const { tempos } = currentDocument().music;
  const end = ticksAt(tempos, secondsAt(tempos, tick) + seconds);
  return { id: newId(), tick: asTick(tick), duration: Math.max(1, Math.round(end - tick)), pitch, velocity };
}

function writeStep(pitch: number, velocity: number): void {
  const grid = gridTicks();
  const { playhead } = rollNow();
  const note = { id: newId(), tick: asTick(playhead), duration: grid, pitch, velocity };
  performOn('music', addNotes(currentTrack().id, [note]));
  select([note]);
  // A chord's keys are written at one place: the playhead goes on when all are let go.
}

export function keyDown(pitch: number, velocity: number): void {
  if (pitch < 0 || pitch > 127 || held.has(pitch)) return;
  const { stepping, playing } = rollNow();
  held.set(pitch, { at: clock(), tick: playheadNow(), velocity });
  audition(currentTrack(), pitch, velocity, 0.5);
  if (stepping && !playing) writeStep(pitch, velocity);
  setRoll({ pitch });
  showSounding();
}

export function keyUp(pitch: number): void {
  const begun = held.get(pitch);
  if (begun === undefined) return;
  held.delete(pitch);
  showSounding();
  const { recording, stepping, playing } = rollNow();
  const now = clock();
  const played = { ...begun, pitch, seconds: now - begun.at };
  lately = [...lately.filter(({ at }) => now - at < MEMORY), played];
  if (recording && playing) {
    performOn(
      'music',
      addNotes(currentTrack().id, [noteAt(begun.tick, pitch, begun.velocity, played.seconds)], 'Record'),
    );
  } else if (stepping && !playing && held.size === 0) seek(rollNow().playhead + gridTicks());
}

export const hasCatch = (): boolean => lately.length > 0;

// What was played last, up to a pause, written from the playhead on.
export function catchPlayed(): void {
  const phrase: Played[] = [];
  let begin = Infinity;
  for (const one of lately.toSorted((a, b) => b.at - a.at)) {
    if (begin - (one.at + one.seconds) > PAUSE && phrase.length > 0) break;
    phrase.push(one);
    begin = Math.min(begin, one.at);
  }
  if (phrase.length === 0) return;
  const { tempos } = currentDocument().music;
  const start = secondsAt(tempos, rollNow().playhead);
  const notes = phrase.map(({ at, pitch, velocity, seconds }) =>
    noteAt(ticksAt(tempos, start + at - begin), pitch, velocity, seconds),
  );
  lately = [];
  performOn('music', addNotes(currentTrack().id, notes, 'Catch what was played'));
  select(notes);
  tell(`${notes.length} played ${notes.length === 1 ? 'note' : 'notes'} written at the playhead.`);
}

// Two rows of a keyboard, by place: A is C, W the black key after it.
const places = [
  ...['KeyA', 'KeyW', 'KeyS', 'KeyE', 'KeyD', 'KeyF', 'KeyT', 'KeyG', 'KeyY', 'KeyH', 'KeyU', 'KeyJ'],
  ...['KeyK', 'KeyO', 'KeyL', 'KeyP', 'Semicolon'],
];

export function listenToTyping(): () => void {
  const downAs = new Map<string, number>(); // the pitch that a key gave, should the octave change meanwhile
  const onDown = (event: KeyboardEvent): void => {
    const { typing, octave, velocity } = rollNow();
    if (!typing || isTyping(event.target) || useLayout.getState().active !== 'roll') return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const step = places.indexOf(event.code);
    if (step >= 0) {
      event.preventDefault();
      if (event.repeat) return;
      const pitch = (octave + 1) * 12 + step;
      downAs.set(event.code, pitch);
      keyDown(pitch, velocity);
    } else if (event.code === 'KeyZ' || event.code === 'KeyX') {
      event.preventDefault();
      setRoll({ octave: Math.min(8, Math.max(0, octave + (event.code === 'KeyX' ? 1 : -1))) });
    }
  };
  const onUp = (event: KeyboardEvent): void => {
    const pitch = downAs.get(event.code);
    downAs.delete(event.code);
    if (pitch !== undefined) keyUp(pitch);
  };
  const onBlur = (): void => {
    for (const pitch of downAs.values()) keyUp(pitch);
    downAs.clear();
  };
  window.addEventListener('keydown', onDown, { capture: true });
  window.addEventListener('keyup', onUp);
  window.addEventListener('blur', onBlur);
  return () => {
    onBlur();
    window.removeEventListener('keydown', onDown, { capture: true });
    window.removeEventListener('keyup', onUp);
    window.removeEventListener('blur', onBlur);
  };
}
