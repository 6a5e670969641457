// Ticks against seconds, bars and grid.
import { asTick, type Meter, PPQ, type Tempo, type Tick } from './model.ts';

const secondsPerTick = (bpm: number): number => 60 / (bpm * PPQ);

// Tempos are by time, the first at 0.
export function secondsAt(tempos: readonly Tempo[], at: number): number {
  let seconds = 0;
  for (const [i, { tick, bpm }] of tempos.entries()) {
    const until = Math.min(at, tempos[i + 1]?.tick ?? Infinity);
    if (until <= tick) break;
    seconds += (until - tick) * secondsPerTick(bpm);
  }
  return seconds;
}

// Not rounded: a playhead moves between ticks.
export function ticksAt(tempos: readonly Tempo[], seconds: number): number {
  let left = Math.max(0, seconds);
  for (const [i, { tick, bpm }] of tempos.entries()) {
    const next = tempos[i + 1]?.tick ?? Infinity;
    const length = (next - tick) * secondsPerTick(bpm);
    if (left < length) return tick + left / secondsPerTick(bpm);
    left -= length;
  }
  return 0;
}

export const bpmAt = (tempos: readonly Tempo[], at: number): number =>
  tempos.findLast(({ tick }) => tick <= at)?.bpm ?? 120;

export const meterAt = (meters: readonly Meter[], at: number): Meter =>
  meters.findLast(({ tick }) => tick <= at) ?? { tick: asTick(0), beats: 4, unit: 4 };

const beatTicks = ({ unit }: Meter): number => (4 * PPQ) / unit;
export const barTicks = (meter: Meter): number => meter.beats * beatTicks(meter);

export interface Beat {
  readonly tick: Tick;
  readonly bar: number; // from 1
  readonly beat: number; // from 1
}

// Every beat from the bar that holds `from` to `to`. A change of metre begins a new bar.
export function beatsBetween(meters: readonly Meter[], from: number, to: number): Beat[] {
  const beats: Beat[] = [];
  let bar = 1;
  for (const [i, meter] of meters.entries()) {
    const next = meters[i + 1]?.tick ?? Infinity;
    const length = barTicks(meter);
    const bars = Math.ceil((Math.min(next, to + length) - meter.tick) / length);
    const first = Math.max(0, Math.floor((from - meter.tick) / length));
    for (let n = first; n < bars; n++) {
      for (let beat = 0; beat < meter.beats; beat++) {
        const tick = meter.tick + n * length + beat * beatTicks(meter);
        if (tick >= next || tick > to) break;
        beats.push({ tick: asTick(tick), bar: bar + n, beat: beat + 1 });
      }
    }
    if (next > to) break;
    bar += bars;
  }
  return beats;
}

// Where the bar begins that holds a time, and where the bar ends that a time is in or closes.
export const barStart = (meters: readonly Meter[], at: number): Tick =>
  beatsBetween(meters, at, at).findLast(({ tick, beat }) => beat === 1 && tick <= at)?.tick ?? asTick(0);

export function barEnd(meters: readonly Meter[], at: number): Tick {
  const begin = barStart(meters, at);
  return begin === at ? begin : asTick(begin + barTicks(meterAt(meters, begin)));
}

// "3.2.120": bar, beat and ticks, the first two counted from 1.
export function positionText(meters: readonly Meter[], at: number): string {
  const tick = asTick(at);
  const last = beatsBetween(meters, tick, tick).at(-1) ?? { tick: 0, bar: 1, beat: 1 };
  return `${last.bar}.${last.beat}.${String(tick - last.tick).padStart(3, '0')}`;
}

export interface Grid {
  readonly name: string;
  readonly ticks: number;
}

// From coarse to fine. T is a triplet: three in the time of two.
export const grids: readonly Grid[] = [
  { name: '1/1', ticks: 4 * PPQ },
  { name: '1/2', ticks: 2 * PPQ },
  { name: '1/4', ticks: PPQ },
  { name: '1/4T', ticks: (PPQ * 2) / 3 },
  { name: '1/8', ticks: PPQ / 2 },
  { name: '1/8T', ticks: PPQ / 3 },
  { name: '1/16', ticks: PPQ / 4 },
  { name: '1/16T', ticks: PPQ / 6 },
  { name: '1/32', ticks: PPQ / 8 },
];

export const snapDown = (at: number, grid: number): Tick => asTick(Math.floor(at / grid) * grid);
export const snapNearest = (at: number, grid: number): Tick => asTick(Math.round(at / grid) * grid);
