// Draws the roll: ruler, keys, notes and velocities on a canvas; the playhead and the marquee are elements above it, so
// that moving them draws no note again.
// Draws once a frame at most, and only what is in sight.
import { useDocument } from '../app/document.ts';
import { fitNotes, type RollScale, within, xOf, yOf, PITCHES, ticksAtX } from '../core/music/coordinates.ts';
import { inScale, isBlack, keyName } from '../core/music/gm.ts';
import { isDrums, type Note, type Track } from '../core/music/model.ts';
import { barTicks, beatsBetween, meterAt } from '../core/music/time.ts';
import { palette, type Palette } from './palette.ts';
import { playheadNow } from './playback/player.ts';
import { currentTrack, gridTicks, rollNow, setRoll, shownMusic, trackOf, useRollView } from './view.ts';

export const KEYS = 58; // width of the keyboard in pixels
export const RULER = 24;
export const LANE = 74; // height of the velocities

export type Zone = 'ruler' | 'keys' | 'notes' | 'velocity';

export interface Marquee {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const FONT = '10px "Inter Variable", system-ui, sans-serif';

export class RollStage {
  readonly #container: HTMLElement;
  readonly #base = document.createElement('canvas');
  readonly #playhead = document.createElement('div');
  readonly #marquee = document.createElement('div');
  readonly #leave: (() => void)[];
  #palette: Palette;
  #dirty = true;
  #frame = 0;
  #ghost: readonly Note[] = [];
  #shownPlayhead = -1;
  readonly #columns = new Int32Array(PITCHES); // of each key, where its last note was drawn from afar

  constructor(container: HTMLElement) {
    this.#container = container;
    this.#palette = palette(container);
    this.#base.className = 'roll-notes';
    this.#playhead.className = 'roll-playhead';
    this.#marquee.className = 'roll-marquee';
    this.#marquee.hidden = true;
    container.append(this.#base, this.#playhead, this.#marquee);
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const retheme = (): void => {
      this.#palette = palette(container);
      this.redraw();
    };
    dark.addEventListener('change', retheme);
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(container);
    this.#leave = [
      () => dark.removeEventListener('change', retheme),
      () => observer.disconnect(),
      useRollView.subscribe(() => this.redraw()),
      useDocument.subscribe(() => this.redraw()),
    ];
    this.#resize();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#leave.forEach((stop) => stop());
    for (const element of [this.#base, this.#playhead, this.#marquee]) element.remove();
  }

  // Of the notes' area.
  get size(): { width: number; height: number } {
    const { clientWidth, clientHeight } = this.#container;
    return { width: Math.max(1, clientWidth - KEYS), height: Math.max(1, clientHeight - RULER - LANE) };
  }

  zoneAt(x: number, y: number): Zone {
    if (y < RULER) return 'ruler';
    if (y >= this.#container.clientHeight - LANE) return 'velocity';
    return x < KEYS ? 'keys' : 'notes';
  }

  redraw(): void {
    this.#dirty = true;
    this.#askForFrame();
  }

  setMarquee(marquee: Marquee | null): void {
    this.#marquee.hidden = marquee === null;
    if (marquee === null) return;
    const { style } = this.#marquee;
    style.transform = `translate(${marquee.x}px, ${marquee.y}px)`;
    style.width = `${marquee.width}px`;
    style.height = `${marquee.height}px`;
  }

  // Notes that are proposed, seen over everything.
  setGhost(notes: readonly Note[]): void {
    this.#ghost = notes;
    this.redraw();
  }

  setScale(scale: RollScale): void {
    setRoll({ scale: within(scale, this.size.height) });
  }

  fit(): void {
    this.setScale(
      fitNotes([...shownMusic().tracks.flatMap(({ notes }) => notes), ...this.#ghost], this.size),
    );
  }

  // Scrolls so that a time is in sight, within this part of the width: where it is not, to that part.
  reveal(tick: number, part = 0.08, inSight = 0.96): void {
    const { scale } = rollNow();
    const x = xOf(scale, tick);
    const { width } = this.size;
    if (x < 0 || x > width * inSight) this.setScale({ ...scale, left: tick * scale.perTick - width * part });
  }

  #resize(): void {
    const ratio = window.devicePixelRatio;
    const { clientWidth, clientHeight } = this.#container;
    this.#base.width = Math.max(1, Math.round(clientWidth * ratio));
    this.#base.height = Math.max(1, Math.round(clientHeight * ratio));
    setRoll({ scale: within(rollNow().scale, this.size.height) });
    this.redraw();
  }

  // Frames are asked for while something changes: a roll at rest costs nothing.
  #askForFrame(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
      if (rollNow().playing) this.#askForFrame();
    });
  }

  #draw(): void {
    const playhead = playheadNow();
    if (rollNow().playing) this.reveal(playhead);
    if (this.#dirty) {
      this.#dirty = false;
      this.#drawBase();
    } else if (playhead === this.#shownPlayhead) return;
    this.#shownPlayhead = playhead;
    const x = KEYS + xOf(rollNow().scale, playhead);
    this.#playhead.hidden = x < KEYS;
    this.#playhead.classList.toggle('roll-playhead-recording', rollNow().recording);
    this.#playhead.style.transform = `translateX(${x}px)`;
  }

  #drawBase(): void {
    const context = this.#base.getContext('2d', { alpha: false });
    if (context === null) return;
    const { clientWidth: width, clientHeight: height } = this.#container;
    const ratio = window.devicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = FONT;
    context.textBaseline = 'middle';
    context.fillStyle = this.#palette.surface;
    context.fillRect(0, 0, width, height);
    const area = this.size;
    const music = shownMusic();
    const { track: id } = rollNow();
    const track = trackOf(music, id);
    this.#clipped(context, KEYS, RULER, area.width, area.height, () => {
      this.#drawRows(context, track);
      this.#drawLines(context, area.height, true);
      if (rollNow().ghosts) {
        for (const other of music.tracks) {
          if (other !== track && !other.muted)
            this.#drawNotes(context, other.notes, this.#palette.ghost, false);
        }
      }
      this.#drawNotes(context, track.notes, this.#palette.note, true, isDrums(track));
      this.#drawNotes(context, this.#ghost, this.#palette.proposal, false);
    });
    this.#clipped(context, KEYS, height - LANE, area.width, LANE, () => {
      this.#drawLines(context, LANE, false);
      this.#drawVelocities(context, track.notes);
    });
    this.#drawRuler(context, width);
    this.#drawKeys(context, track);
    context.fillStyle = this.#palette.line;
    context.fillRect(0, RULER - 1, width, 1);
    context.fillRect(0, height - LANE, width, 1);
    context.fillRect(KEYS - 1, 0, 1, height);
    context.fillStyle = this.#palette.muted;
    context.fillText('Velocity', 8, height - LANE + 14);
  }

  #clipped(
    context: CanvasRenderingContext2D,
    x: number,
    y: number,
    width: number,
    height: number,
    draw: () => void,
  ): void {
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.translate(x, y);
    draw();
    context.restore();
  }

  #drawRows(context: CanvasRenderingContext2D, track: Track): void {
    const { scale, scaleHelper, pitch: cursor } = rollNow();
    const { width, height } = this.size;
    const drums = isDrums(track);
    for (let pitch = 0; pitch < PITCHES; pitch++) {
      const y = yOf(scale, pitch);
      if (y > height || y + scale.row < 0) continue;
      const dark = scaleHelper === null || drums ? isBlack(pitch) && !drums : !inScale(scaleHelper, pitch);
      if (dark) {
        context.fillStyle = this.#palette.row;
        context.fillRect(0, y, width, scale.row);
      }
      if (pitch === cursor) {
        context.fillStyle = this.#palette.cursor;
        context.fillRect(0, y, width, scale.row);
      }
      if (pitch % 12 === 0 || pitch % 12 === 5) {
        context.fillStyle = this.#palette.line;
        context.fillRect(0, Math.round(y + scale.row) - 1, width, 1);
      }
    }
  }

  #drawLines(context: CanvasRenderingContext2D, height: number, fine: boolean): void {
    const { scale } = rollNow();
    const { width } = this.size;
    const from = ticksAtX(scale, 0);
    const to = ticksAtX(scale, width);
    const grid = gridTicks();
    if (fine && grid * scale.perTick >= 7) {
      context.fillStyle = this.#palette.gridLine;
      for (let tick = Math.floor(from / grid) * grid; tick < to; tick += grid) {
        context.fillRect(Math.round(xOf(scale, tick)), 0, 1, height);
      }
    }
    for (const { tick, beat } of this.#beats(from, to)) {
      context.fillStyle = beat === 1 ? this.#palette.barLine : this.#palette.line;
      context.fillRect(Math.round(xOf(scale, tick)), 0, 1, height);
    }
  }

  // Bars and beats in sight; of very many, none but every fourth, sixteenth, … bar.
  #beats(from: number, to: number): { tick: number; bar: number; beat: number }[] {
    const { scale } = rollNow();
    const { meters } = shownMusic();
    const wide = barTicks(meterAt(meters, from)) * scale.perTick;
    const every = wide >= 26 ? 1 : 4 ** Math.ceil(Math.log(26 / wide) / Math.log(4));
    return beatsBetween(meters, from, to).filter(({ bar, beat }) =>
      beat === 1 ? (bar - 1) % every === 0 : every === 1 && wide > 90,
    );
  }

  #drawNotes(
    context: CanvasRenderingContext2D,
    notes: readonly Note[],
    colours: Palette['note'],
    current: boolean,
    drums = false,
  ): void {
    const { scale, selected } = rollNow();
    const { width, height } = this.size;
    const inset = scale.row >= 8 ? 1 : 0;
    const high = scale.row - 2 * inset;
    const named = current && scale.row >= 13;
    this.#columns.fill(-1);
    for (const { id, tick, duration, pitch, velocity } of notes) {
      const x = xOf(scale, tick);
      if (x > width) break;
      const long = Math.max(2, duration * scale.perTick - 1);
      if (x + long < 0) continue;
      const y = yOf(scale, pitch) + inset;
      if (y > height || y + high < 0) continue;
      const chosen = current && selected.has(id);
      // From afar many notes of a key lie in one column of pixels: the first stands for them.
      const column = long > 2 || chosen ? -1 : Math.floor(x);
      if (column >= 0 && this.#columns[pitch] === column) continue;
      this.#columns[pitch] = column;
      context.fillStyle = chosen ? this.#palette.chosen : (colours[velocity >> 4] ?? this.#palette.text);
      if (high > 6 && long > 5) {
        context.beginPath();
        context.roundRect(x, y, long, high, 2.5);
        context.fill();
      } else context.fillRect(x, y, long, high);
      if (named && long > 30) {
        context.fillStyle = chosen ? this.#palette.onChosen : this.#palette.onNote;
        context.fillText(keyName(pitch, drums), Math.max(3, x + 5), y + high / 2 + 0.5, long - 8);
      }
    }
  }

  #drawVelocities(context: CanvasRenderingContext2D, notes: readonly Note[]): void {
    const { scale, selected } = rollNow();
    const { width } = this.size;
    const room = LANE - 8;
    let column = -Infinity;
    const inColumn = new Set<number>();
    for (const { id, tick, velocity } of notes) {
      const x = xOf(scale, tick);
      if (x > width) break;
      if (x < -8) continue;
      // From afar: of equal heights in one column of pixels, one.
      if (Math.floor(x) !== column) inColumn.clear();
      column = Math.floor(x);
      const high = Math.round((velocity / 127) * room);
      const chosen = selected.has(id);
      if (!chosen && inColumn.has(high)) continue;
      inColumn.add(high);
      context.fillStyle = chosen
        ? this.#palette.chosen
        : (this.#palette.note[velocity >> 4] ?? this.#palette.text);
      context.fillRect(x, LANE - high, 2, high);
      context.fillRect(x, LANE - high, 7, 3);
    }
  }

  #drawRuler(context: CanvasRenderingContext2D, width: number): void {
    const { scale, loop } = rollNow();
    context.fillStyle = this.#palette.raised;
    context.fillRect(0, 0, width, RULER);
    this.#clipped(context, KEYS, 0, this.size.width, RULER, () => {
      if (loop.end > loop.start) {
        const x = xOf(scale, loop.start);
        context.fillStyle = loop.on ? this.#palette.loop : this.#palette.row;
        context.fillRect(x, 0, (loop.end - loop.start) * scale.perTick, RULER);
      }
      for (const { tick, bar, beat } of this.#beats(ticksAtX(scale, -60), ticksAtX(scale, width))) {
        const x = Math.round(xOf(scale, tick));
        context.fillStyle = beat === 1 ? this.#palette.barLine : this.#palette.line;
        context.fillRect(x, beat === 1 ? 6 : 16, 1, RULER);
        if (beat !== 1) continue;
        context.fillStyle = this.#palette.text;
        context.fillText(String(bar), x + 4, 12);
      }
    });
  }

  #drawKeys(context: CanvasRenderingContext2D, track: Track): void {
    const { scale, sounding, scaleHelper } = rollNow();
    const { height } = this.size;
    const drums = isDrums(track);
    const names: [name: string, y: number][] = [];
    this.#clipped(context, 0, RULER, KEYS, height, () => {
      for (let pitch = 0; pitch < PITCHES; pitch++) {
        const y = yOf(scale, pitch);
        if (y > height || y + scale.row < 0) continue;
        const black = isBlack(pitch) && !drums;
        context.fillStyle = this.#palette.whiteKey;
        context.fillRect(0, y, KEYS, scale.row);
        if (black) {
          context.fillStyle = this.#palette.blackKey;
          context.fillRect(0, y, KEYS * 0.62, scale.row);
        }
        if (sounding.has(pitch)) {
          context.fillStyle = this.#palette.chosen;
          context.fillRect(0, y, black ? KEYS * 0.62 : KEYS, scale.row);
        }
        context.fillStyle = this.#palette.keyLine;
        if (drums || pitch % 12 === 0 || pitch % 12 === 5) context.fillRect(0, y + scale.row - 1, KEYS, 1);
        const named = drums ? scale.row >= 11 : pitch % 12 === 0 || (scale.row >= 15 && scaleHelper !== null);
        if (!named || black) continue;
        names.push([keyName(pitch, drums), y + scale.row / 2 + 0.5]);
      }
      // Over all keys: a name is higher than a low row.
      context.fillStyle = this.#palette.keyText;
      context.textAlign = drums ? 'left' : 'right';
      for (const [name, y] of names) context.fillText(name, drums ? 4 : KEYS - 6, y, KEYS - 7);
      context.textAlign = 'left';
    });
  }
}

// The note at a point of the notes' area, the last drawn first, and which part of it.
export function noteAt(x: number, y: number): { note: Note; part: 'body' | 'start' | 'end' } | null {
  const { scale } = rollNow();
  const { notes } = currentTrack();
  for (const note of notes.toReversed()) {
    const top = yOf(scale, note.pitch);
    if (y < top || y >= top + scale.row) continue;
    const left = xOf(scale, note.tick);
    const long = Math.max(4, note.duration * scale.perTick);
    if (x < left || x > left + long) continue;
    const edge = Math.min(7, long / 3);
    return { note, part: x > left + long - edge ? 'end' : x < left + edge && long > 14 ? 'start' : 'body' };
  }
  return null;
}
