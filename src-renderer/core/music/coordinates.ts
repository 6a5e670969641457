// Notes between document and screen: the one place where ticks and pitches become pixels and back.
import type { Tick } from './model.ts';
import { asTick } from './model.ts';

export interface RollScale {
  readonly left: number; // pixels that are scrolled out at the left
  readonly top: number;
  readonly perTick: number; // pixels
  readonly row: number; // height of a pitch in pixels
}

export const PITCHES = 128;
export const MIN_PER_TICK = 0.004;
export const MAX_PER_TICK = 2;
export const MIN_ROW = 5;
export const MAX_ROW = 40;

export const xOf = ({ left, perTick }: RollScale, tick: number): number => tick * perTick - left;
export const yOf = ({ top, row }: RollScale, pitch: number): number => (PITCHES - 1 - pitch) * row - top;
export const ticksAtX = ({ left, perTick }: RollScale, x: number): number => (x + left) / perTick;
export const tickAtX = (scale: RollScale, x: number): Tick => asTick(ticksAtX(scale, x));
export const pitchAtY = ({ top, row }: RollScale, y: number): number =>
  Math.min(PITCHES - 1, Math.max(0, PITCHES - 1 - Math.floor((y + top) / row)));

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

// Nothing before the beginning, nothing beyond the highest and the lowest key.
export const within = (scale: RollScale, height: number): RollScale => ({
  ...scale,
  left: Math.max(0, scale.left),
  top: clamp(scale.top, 0, Math.max(0, PITCHES * scale.row - height)),
});

// The time under `x` stays under it.
export function zoomTime(scale: RollScale, x: number, factor: number): RollScale {
  const perTick = clamp(scale.perTick * factor, MIN_PER_TICK, MAX_PER_TICK);
  return { ...scale, perTick, left: Math.max(0, ticksAtX(scale, x) * perTick - x) };
}

export function zoomPitch(scale: RollScale, y: number, factor: number, height: number): RollScale {
  const row = clamp(scale.row * factor, Math.max(MIN_ROW, height / PITCHES), MAX_ROW);
  return within({ ...scale, row, top: ((y + scale.top) / scale.row) * row - y }, height);
}

// These notes in the middle of an area, as large as fits between reasonable bounds.
export function fitNotes(
  notes: readonly { tick: number; duration: number; pitch: number }[],
  area: { width: number; height: number },
): RollScale {
  if (notes.length === 0) {
    const row = 16;
    return within(
      { left: 0, perTick: 0.09, row, top: (PITCHES - 1 - 66) * row - area.height / 2 },
      area.height,
    );
  }
  let [begin, end, low, high] = [Infinity, 0, PITCHES, 0];
  for (const { tick, duration, pitch } of notes) {
    begin = Math.min(begin, tick);
    end = Math.max(end, tick + duration);
    low = Math.min(low, pitch);
    high = Math.max(high, pitch);
  }
  const perTick = clamp((area.width * 0.94) / Math.max(1, end - begin), MIN_PER_TICK, 0.25);
  const row = clamp(area.height / (high - low + 7), MIN_ROW, 20);
  const middle = (PITCHES - 1 - (low + high) / 2 + 0.5) * row;
  const left = Math.max(0, begin * perTick - area.width * 0.02);
  return within({ left, perTick, row, top: middle - area.height / 2 }, area.height);
}
