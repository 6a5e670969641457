// What of a track's controls is heard beside its notes: bends, programs, and the controllers that shape a sound. The
// pedal is no control here: it makes notes longer (`heldUntil` in model.ts).
import { type Control, isDrums, type Track } from './model.ts';

// Modulation, volume, pan, expression, reverb, chorus.
const HEARD = new Set([1, 7, 10, 11, 91, 93]);
// A parameter's number and its value come one after the other, and mean nothing alone: the bend's range for one.
const PARAMETER = new Set([6, 38, 98, 99, 100, 101]);

const isHeard = ({ kind, number }: Control): boolean =>
  kind === 'bend' || (kind === 'controller' && (HEARD.has(number) || PARAMETER.has(number)));

// Of these ticks, the first and not the last.
export const heardBetween = ({ controls }: Track, from: number, to: number): Control[] =>
  controls.filter((control) => control.tick >= from && control.tick < to && isHeard(control));

// What holds at a time of what came before it: what has to be said where playing begins in the middle.
export function heardBefore(track: Track, at: number): Control[] {
  const before = heardBetween(track, 0, at);
  const last = new Map<string, Control>();
  for (const control of before) last.set(`${control.kind} ${control.number}`, control);
  return before.filter(
    (control) => PARAMETER.has(control.number) || last.get(`${control.kind} ${control.number}`) === control,
  );
}

// The track as it is at a time: with the program that was changed to last. Drums have kits, of which fonts differ.
export function trackAt(track: Track, at: number): Track {
  if (isDrums(track)) return track;
  const change = track.controls.findLast(({ kind, tick }) => kind === 'program' && tick <= at);
  const program = Math.min(127, change?.value ?? track.program);
  return program === track.program ? track : { ...track, program };
}
