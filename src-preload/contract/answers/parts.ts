// Parts that answers share. Numbers are whole: a grammar can hold a model to them, and small models count better than
// they reckon. Every list has an end, so that an answer has one.
import { z } from 'zod';

export const whole = (min: number, max: number) => z.int().min(min).max(max);

// A text of a model's; blanks at its ends are its own.
export const words = (max: number) => z.string().min(1).max(max);

// Thousandths of the canvas's width or height, from the left or top.
export const across = whole(0, 1000);

export const colour = z.string().regex(/^#[0-9a-f]{6}$/);

export const point = z.strictObject({ x: across, y: across });

// Sixteenths of a beat's quarter: 16 to a 4/4 bar.
export const note = z.strictObject({
  at: whole(0, 1023),
  length: whole(1, 64),
  pitch: whole(0, 127),
  velocity: whole(1, 127),
});
export type Note = z.infer<typeof note>;

const tonics = ['C', 'G', 'D', 'A', 'E', 'B', 'F#', 'Db', 'Ab', 'Eb', 'Bb', 'F'] as const;
export const keyName = z.enum([
  ...tonics.map((tonic) => `${tonic} major` as const),
  ...tonics.map((tonic) => `${tonic} minor` as const),
]);
export type KeyName = z.infer<typeof keyName>;
