// One gesture of the roll, from pointer down to pointer up, as one undo step. While it goes on, the document is shown
// as it would become; a gesture that is cancelled leaves no trace.
import type { Gesture as PointerGesture, Modifiers } from '../app/pointer.ts';
import { currentDocument, performOn } from '../app/document.ts';
import { addNotes, copiesOf, moveNotes, resizeNotes, setVelocities } from '../core/music/actions.ts';
import { pitchAtY, tickAtX, ticksAtX, xOf, yOf } from '../core/music/coordinates.ts';
import type { Action } from '../core/history.ts';
import { newId } from '../core/ids.ts';
import { asTick, type MusicDocument, type Note } from '../core/music/model.ts';
import { snapDown, snapNearest } from '../core/music/time.ts';
import { audition, seek } from './playback/player.ts';
import { KEYS, LANE, noteAt, RULER, type RollStage } from './stage.ts';
import { currentTrack, gridTicks, rollNow, select, selectedNotes, setRoll } from './view.ts';

export interface Point {
  readonly x: number; // pixels of the whole roll
  readonly y: number;
}

export type Gesture = PointerGesture<Point>;

const CLICK = 3; // pixels within which a press is no drag

// Shows what an action would make; at the end it is done, or forgotten.
function previewing(make: (at: Point, modifiers: Modifiers) => Action<MusicDocument> | null): Gesture {
  let action: Action<MusicDocument> | null = null;
  return {
    move: (at, modifiers) => {
      action = make(at, modifiers);
      setRoll({ preview: action === null ? null : action.apply(currentDocument().music) });
    },
    end: () => {
      setRoll({ preview: null });
      if (action !== null) performOn('music', action);
    },
    cancel: () => setRoll({ preview: null }),
  };
}

const inNotes = ({ x, y }: Point): Point => ({ x: x - KEYS, y: y - RULER });

function createGesture(first: Point, { shift }: Modifiers): Gesture {
  const track = currentTrack();
  const { scale, length, velocity } = rollNow();
  const at = inNotes(first);
  const grid = gridTicks();
  const tick = shift ? tickAtX(scale, at.x) : snapDown(ticksAtX(scale, at.x), grid);
  let note: Note = { id: newId(), tick, duration: length, pitch: pitchAtY(scale, at.y), velocity };
  audition(track, note.pitch, velocity);
  const gesture = previewing((now, modifiers) => {
    const { x, y } = inNotes(now);
    const dragged = Math.abs(now.x - first.x) > CLICK;
    const end = ticksAtX(scale, x);
    const snapped = modifiers.shift ? Math.round(end) : Math.ceil(end / grid) * grid;
    const duration = dragged ? Math.max(modifiers.shift ? 1 : grid, snapped - tick) : note.duration;
    const pitch = pitchAtY(scale, y);
    if (pitch !== note.pitch) audition(track, pitch, velocity);
    note = { ...note, duration, pitch };
    return addNotes(track.id, [note]);
  });
  gesture.move(first, { shift, alt: false, mod: false, space: false });
  return {
    ...gesture,
    end: () => {
      gesture.end();
      select([note]);
      setRoll({ length: note.duration, pitch: note.pitch });
    },
  };
}

function moveGesture(first: Point, pressed: Note, { shift, mod }: Modifiers): Gesture {
  const track = currentTrack();
  const { scale } = rollNow();
  let ids = rollNow().selected;
  if (!ids.has(pressed.id)) {
    ids = shift && !mod ? new Set([...ids, pressed.id]) : new Set([pressed.id]);
    setRoll({ selected: ids });
  }
  setRoll({ length: pressed.duration, pitch: pressed.pitch, velocity: pressed.velocity });
  audition(track, pressed.pitch, pressed.velocity);
  const notes = selectedNotes();
  let heard = pressed.pitch;
  let copies: Note[] = [];
  const gesture = previewing((at, modifiers) => {
    if (Math.hypot(at.x - first.x, at.y - first.y) <= CLICK) return null;
    const by = (at.x - first.x) / scale.perTick;
    const tick = modifiers.shift ? Math.round(pressed.tick + by) : snapTo(pressed.tick, by);
    const pitches = pitchAtY(scale, inNotes(at).y) - pressed.pitch;
    if (pressed.pitch + pitches !== heard) {
      heard = pressed.pitch + pitches;
      audition(track, heard, pressed.velocity);
    }
    if (!mod) return moveNotes(track.id, ids, tick - pressed.tick, pitches);
    copies = copiesOf(notes, tick - pressed.tick, pitches);
    return addNotes(track.id, copies, 'Copy notes');
  });
  return {
    ...gesture,
    end: () => {
      gesture.end();
      if (copies.length > 0) select(copies);
    },
  };
}

// A note off the grid stays as far off it until it is near a line.
function snapTo(tick: number, by: number): number {
  const grid = gridTicks();
  return Math.abs(by) < grid / 2 ? tick : snapNearest(tick + by, grid);
}

function resizeGesture(first: Point, pressed: Note, edge: 'start' | 'end'): Gesture {
  const track = currentTrack();
  const { scale } = rollNow();
  if (!rollNow().selected.has(pressed.id)) select([pressed]);
  const ids = rollNow().selected;
  const from = edge === 'end' ? pressed.tick + pressed.duration : pressed.tick;
  const gesture = previewing((at, { shift }) => {
    if (Math.abs(at.x - first.x) <= CLICK) return null;
    const to = from + (at.x - first.x) / scale.perTick;
    const snapped = shift ? Math.round(to) : snapNearest(to, gridTicks());
    return resizeNotes(track.id, ids, edge, snapped - from, shift ? 1 : gridTicks());
  });
  return {
    ...gesture,
    end: () => {
      gesture.end();
      const now = currentTrack().notes.find(({ id }) => id === pressed.id);
      if (now !== undefined) setRoll({ length: now.duration });
    },
  };
}

function marqueeGesture(stage: RollStage, first: Point, { shift }: Modifiers): Gesture {
  const before = rollNow().selected;
  if (!shift) setRoll({ selected: new Set() });
  return {
    move: (at) => {
      const { scale } = rollNow();
      const [x, y] = [Math.min(at.x, first.x), Math.min(at.y, first.y)];
      const [width, height] = [Math.abs(at.x - first.x), Math.abs(at.y - first.y)];
      stage.setMarquee({ x, y, width, height });
      const area = inNotes({ x, y });
      const hit = currentTrack().notes.filter((note) => {
        const left = xOf(scale, note.tick);
        const top = yOf(scale, note.pitch);
        return (
          left < area.x + width &&
          left + note.duration * scale.perTick > area.x &&
          top < area.y + height &&
          top + scale.row > area.y
        );
      });
      setRoll({ selected: new Set([...(shift ? before : []), ...hit.map(({ id }) => id)]) });
    },
    end: () => stage.setMarquee(null),
    cancel: () => {
      stage.setMarquee(null);
      setRoll({ selected: before });
    },
  };
}

// A press sets the playhead; a drag marks what is looped.
function rulerGesture(first: Point): Gesture {
  const { scale, loop } = rollNow();
  const grid = gridTicks();
  const tickAt = ({ x }: Point, free: boolean): number => {
    const tick = ticksAtX(scale, x - KEYS);
    return free ? asTick(tick) : snapNearest(tick, grid);
  };
  let dragged = false;
  let free = false;
  return {
    move: (at, { shift }) => {
      free = shift;
      dragged ||= Math.abs(at.x - first.x) > CLICK;
      if (!dragged) return;
      const [a, b] = [tickAt(first, shift), tickAt(at, shift)];
      if (a !== b)
        setRoll({ loop: { on: true, start: asTick(Math.min(a, b)), end: asTick(Math.max(a, b)) } });
    },
    end: () => {
      if (!dragged) seek(tickAt(first, free));
    },
    cancel: () => setRoll({ loop }),
  };
}

function keysGesture(first: Point): Gesture {
  const track = currentTrack();
  let heard = -1;
  const press = ({ y }: Point): void => {
    const pitch = pitchAtY(rollNow().scale, y - RULER);
    if (pitch === heard) return;
    heard = pitch;
    audition(track, pitch);
    setRoll({ pitch, sounding: new Set([pitch]) });
  };
  const leave = (): void => setRoll({ sounding: new Set() });
  press(first);
  return { move: press, end: leave, cancel: leave };
}

const NEAR = 8; // pixels around a velocity's stem

// On a stem: this note's velocity, or that of all chosen ones alike. Mod draws over the notes, Alt a straight line.
function velocityGesture(first: Point, bottom: number, { mod, alt }: Modifiers): Gesture | null {
  const track = currentTrack();
  const { scale } = rollNow();
  const levelAt = (y: number): number =>
    Math.min(127, Math.max(1, Math.round(((bottom - y) / (LANE - 8)) * 127)));
  const { selected } = rollNow();
  const pool = selected.size > 0 ? selectedNotes() : track.notes;
  const stem = ({ tick }: Note): number => KEYS + xOf(scale, tick);
  if (alt) {
    return previewing((at) => {
      const [from, to] = at.x < first.x ? [at, first] : [first, at];
      const reached = pool.filter((note) => stem(note) >= from.x - 2 && stem(note) <= to.x + 2);
      const slope = (to.y - from.y) / Math.max(1, to.x - from.x);
      return setVelocities(
        track.id,
        new Map(reached.map((note) => [note.id, levelAt(from.y + (stem(note) - from.x) * slope)])),
      );
    });
  }
  if (mod) {
    const drawn = new Map<string, number>();
    let last = first;
    return previewing((at) => {
      const [from, to] = at.x < last.x ? [at, last] : [last, at];
      for (const note of pool) {
        const x = stem(note);
        if (x < from.x - 3 || x > to.x + 3) continue;
        const part = to.x === from.x ? 1 : (x - from.x) / (to.x - from.x);
        drawn.set(note.id, levelAt(from.y + (to.y - from.y) * Math.min(1, Math.max(0, part))));
      }
      last = at;
      return setVelocities(track.id, drawn);
    });
  }
  const near = pool
    .filter((note) => Math.abs(stem(note) + 3 - first.x) <= NEAR)
    .sort((a, b) => Math.abs(stem(a) - first.x) - Math.abs(stem(b) - first.x));
  const [pressed] = near;
  if (pressed === undefined) return null;
  // Notes that begin together are told apart by the selection alone.
  const together = selected.has(pressed.id) ? pool : near.filter(({ tick }) => tick === pressed.tick);
  const gesture = previewing((at) => {
    const by = levelAt(at.y) - pressed.velocity;
    return setVelocities(track.id, new Map(together.map(({ id, velocity }) => [id, velocity + by])));
  });
  gesture.move(first, { shift: false, alt, mod, space: false });
  return gesture;
}

export function panGesture(stage: RollStage, first: Point): Gesture {
  const { scale } = rollNow();
  return {
    move: (at) =>
      stage.setScale({ ...scale, left: scale.left - (at.x - first.x), top: scale.top - (at.y - first.y) }),
    end: () => undefined,
    cancel: () => setRoll({ scale }),
  };
}

// `chooses`: the right button, which marks notes with either tool.
export function beginGesture(
  stage: RollStage,
  first: Point,
  modifiers: Modifiers,
  bottom: number,
  chooses: boolean,
): Gesture | null {
  switch (stage.zoneAt(first.x, first.y)) {
    case 'ruler':
      return rulerGesture(first);
    case 'keys':
      return keysGesture(first);
    case 'velocity':
      return velocityGesture(first, bottom, modifiers);
    case 'notes': {
      if (chooses) return marqueeGesture(stage, first, modifiers);
      const { x, y } = inNotes(first);
      const hit = noteAt(x, y);
      if (hit !== null) {
        return hit.part === 'body' || modifiers.mod
          ? moveGesture(first, hit.note, modifiers)
          : resizeGesture(first, hit.note, hit.part);
      }
      return rollNow().tool === 'pencil' && !modifiers.mod
        ? createGesture(first, modifiers)
        : marqueeGesture(stage, first, modifiers);
    }
  }
}
