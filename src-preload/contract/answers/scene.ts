// A scene for the canvas: what to draw as control shapes, figures' poses, and the words to paint it with.
import { z } from 'zod';
import { across, colour, point, whole, words } from './parts.ts';

export const shape = z.discriminatedUnion('shape', [
  z.strictObject({
    shape: z.literal('rectangle'),
    x: across,
    y: across,
    width: whole(1, 1000),
    height: whole(1, 1000),
    colour,
  }),
  z.strictObject({
    shape: z.literal('ellipse'),
    x: across, // of the centre
    y: across,
    width: whole(1, 1000),
    height: whole(1, 1000),
    colour,
  }),
  z.strictObject({ shape: z.literal('polygon'), colour, points: z.array(point).min(3).max(12) }),
]);
export type Shape = z.infer<typeof shape>;

export const stroke = z.strictObject({ colour, width: whole(1, 100), points: z.array(point).min(2).max(24) });
export type Stroke = z.infer<typeof stroke>;

// The 18 joints that pose ControlNets know.
export const joint = z.enum([
  'nose',
  'neck',
  'right-shoulder',
  'right-elbow',
  'right-wrist',
  'left-shoulder',
  'left-elbow',
  'left-wrist',
  'right-hip',
  'right-knee',
  'right-ankle',
  'left-hip',
  'left-knee',
  'left-ankle',
  'right-eye',
  'left-eye',
  'right-ear',
  'left-ear',
]);

export const figure = z.strictObject({
  joints: z
    .array(z.strictObject({ joint, x: across, y: across }))
    .min(1)
    .max(18),
});

export const scene = z.strictObject({
  prompt: words(300),
  negative: z.string().max(200),
  shapes: z.array(shape).max(12),
  strokes: z.array(stroke).max(8),
  figures: z.array(figure).max(3),
});
export type Scene = z.infer<typeof scene>;
