// A colour palette.
import { z } from 'zod';
import { colour, words } from './parts.ts';

export const palette = z.strictObject({
  name: words(40),
  colours: z
    .array(
      z.strictObject({
        name: words(30),
        colour,
        role: z.enum(['background', 'surface', 'text', 'accent', 'shadow', 'light']),
      }),
    )
    .min(3)
    .max(8),
});
export type Palette = z.infer<typeof palette>;
