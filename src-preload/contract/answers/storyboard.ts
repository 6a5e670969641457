// A storyboard: panels in order, each with the words to paint it with.
import { z } from 'zod';
import { whole, words } from './parts.ts';

export const panel = z.strictObject({
  shot: z.enum(['wide', 'medium', 'close-up', 'detail', 'overhead', 'low-angle']),
  caption: words(120),
  prompt: words(240),
  negative: z.string().max(120),
  seconds: whole(1, 60),
});

export const storyboard = z.strictObject({
  title: words(60),
  panels: z.array(panel).min(1).max(8),
});
export type Storyboard = z.infer<typeof storyboard>;
