// The gallery: every picture that was painted or brought in, as PNG files in one folder. What a picture was made from
// is read from its own file. The window names pictures by their file names and never by paths.
import { z } from 'zod';
import { bytes, call, event, nothing } from './ipc.ts';

export const MAX_PICTURE_BYTES = 256 * 2 ** 20;

export const pictureId = z
  .string()
  .max(255)
  .regex(/^(?!\.)[^/\\\0]+\.png$/, "expected a PNG file's name without a folder");

export const boardName = z.string().trim().min(1).max(60);

const known = <T extends z.ZodType>(schema: T) => schema.nullable(); // null: the file does not say

// A picture's settings, as Sluice, A1111's web UI, ComfyUI or InvokeAI wrote them into it.
export const madeFrom = z.object({
  by: z.enum(['sluice', 'a1111', 'comfyui', 'invokeai']),
  prompt: z.string(),
  negative: z.string(),
  model: known(z.string()),
  steps: known(z.number().int().positive()),
  cfg: known(z.number()),
  sampler: known(z.string()), // as the command line names it where we know it, else as the other program does
  schedule: known(z.string()),
  seed: known(z.number().int().nonnegative()),
  strength: known(z.number()),
  controls: z.array(
    z.object({
      kind: z.string(),
      strength: z.number(),
      start: z.number(),
      end: z.number(),
      url: known(z.string()), // of what the ControlNet saw, when it was kept
    }),
  ),
});
export type MadeFrom = z.infer<typeof madeFrom>;

export const galleryPicture = z.object({
  id: pictureId,
  url: z.string(),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  bytes: z.number().int().positive(),
  madeAt: z.number(), // milliseconds since 1970
  starred: z.boolean(),
  board: z.string().nullable(), // that it was put on
  from: madeFrom.nullable(), // null: the file says nothing that we can read
});
export type GalleryPicture = z.infer<typeof galleryPicture>;

export const MAX_PAGE = 500;

export const gallery = {
  // Newest first. A page from 0 looks into the folder again; later ones go on with what was found then.
  page: call(
    z.object({ from: z.number().int().nonnegative(), count: z.number().int().min(1).max(MAX_PAGE) }),
    z.object({ pictures: z.array(galleryPicture), total: z.number().int().nonnegative() }),
  ),
  // Copies a PNG file in; one that is there already is not copied again.
  bring: call(
    z.object({
      name: z.string().max(255),
      file: bytes.refine(({ byteLength }) => byteLength <= MAX_PICTURE_BYTES, 'larger than 256 MiB'),
    }),
    galleryPicture,
  ),
  // On a board, which is there as long as it has pictures; null takes it off.
  board: call(z.object({ id: pictureId, board: boardName.nullable() }), nothing),
  star: call(z.object({ id: pictureId, starred: z.boolean() }), nothing),
  // To the system's trash, where it can be taken back from.
  trash: call(pictureId, nothing),
  reveal: call(pictureId, nothing),
  // The system's own drag of the file, begun while the pointer is down on the picture.
  drag: call(pictureId, nothing),
  added: event(z.array(galleryPicture)),
};
