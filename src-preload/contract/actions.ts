// The studio's vocabulary: every action that a chat may propose, the command palette may run and a test may use. The
// grammar resources/grammars/studio-actions.json is made from this (scripts/grammars/build.mjs); a unit test compares.
// Does not carry anything out. Numbers are whole, see answers/parts.ts.
import { z } from 'zod';
import { across, note, whole, words } from './answers/parts.ts';
import { figure, shape, stroke } from './answers/scene.ts';

interface Entry<Name extends string, Fields extends z.ZodRawShape> {
  name: Name;
  title: string; // as the palette shows it
  help: string; // a sentence, also for the model
  schema: z.ZodObject<{ action: z.ZodLiteral<Name> } & Fields, z.core.$strict>;
  edits: 'canvas' | 'roll' | 'settings' | null; // whose undo step it becomes; null edits nothing
}

function entry<const Name extends string, Fields extends z.ZodRawShape>(
  name: Name,
  title: string,
  edits: Entry<Name, Fields>['edits'],
  help: string,
  fields: Fields,
): Entry<Name, Fields> {
  const schema = z.strictObject({ action: z.literal(name), ...fields });
  return { name, title, help, edits, schema: schema };
}

export const addShape = entry('add-shape', 'Add a shape', 'canvas', 'Draws a shape on the canvas.', {
  shape,
});
export const addStroke = entry('add-stroke', 'Add a stroke', 'canvas', 'Draws a line through points.', {
  stroke,
});
export const addFigure = entry('add-figure', 'Add a figure', 'canvas', 'Places the joints of a pose.', {
  figure,
});
export const eraseArea = entry('erase-area', 'Erase an area', 'canvas', 'Clears a rectangle of the canvas.', {
  x: across,
  y: across,
  width: whole(1, 1000),
  height: whole(1, 1000),
});
export const clearCanvas = entry('clear-canvas', 'Clear the canvas', 'canvas', 'Removes all drawing.', {});
export const setPrompt = entry('set-prompt', 'Set the prompt', 'settings', 'Says what is to be painted.', {
  prompt: words(300),
  negative: z.string().max(200), // what must not be seen
});
export const setSize = entry('set-size', "Set the picture's size", 'settings', 'In steps of 64 pixels.', {
  width: whole(1, 16),
  height: whole(1, 16),
});
export const paint = entry('paint', 'Paint', null, 'Starts painting what the canvas and the prompt say.', {
  steps: whole(1, 60),
  count: whole(1, 8),
});
export const addTrack = entry(
  'add-track',
  'Add a track',
  'roll',
  'Adds a track with its notes to the roll.',
  {
    instrument: whole(0, 127),
    drums: z.boolean(),
    notes: z.array(note).min(1).max(32),
  },
);
export const addNotes = entry('add-notes', 'Add notes', 'roll', 'Adds notes to a track, counted from 1.', {
  track: whole(1, 16),
  notes: z.array(note).min(1).max(32),
});
export const setTempo = entry('set-tempo', 'Set the tempo', 'roll', 'In quarters a minute.', {
  tempo: whole(30, 300),
});
export const transpose = entry('transpose', 'Transpose', 'roll', 'Moves every note by semitones.', {
  semitones: whole(-24, 24),
});
export const compose = entry('compose', 'Compose', null, 'Lets the composer continue the roll.', {
  events: whole(16, 1024),
});
export const undo = entry('undo', 'Undo', null, 'Takes the last step back.', {});
export const redo = entry('redo', 'Redo', null, 'Does again what was taken back.', {});

// In the order in which they are offered.
export const vocabulary = [
  addShape,
  addStroke,
  addFigure,
  eraseArea,
  clearCanvas,
  setPrompt,
  setSize,
  paint,
  addTrack,
  addNotes,
  setTempo,
  transpose,
  compose,
  undo,
  redo,
] as const;

export type ActionName = (typeof vocabulary)[number]['name'];

export const studioAction = z.discriminatedUnion('action', [
  addShape.schema,
  addStroke.schema,
  addFigure.schema,
  eraseArea.schema,
  clearCanvas.schema,
  setPrompt.schema,
  setSize.schema,
  paint.schema,
  addTrack.schema,
  addNotes.schema,
  setTempo.schema,
  transpose.schema,
  compose.schema,
  undo.schema,
  redo.schema,
]);
export type StudioAction = z.infer<typeof studioAction>;

// An answer: a sentence to the user, and what to do, proposed as one step.
export const studioActions = z.strictObject({
  say: words(300),
  actions: z.array(studioAction).max(6),
});
export type StudioActions = z.infer<typeof studioActions>;

export const vocabularyEntry = (name: ActionName): (typeof vocabulary)[number] => {
  const found = vocabulary.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no action is called ${name}`);
  return found;
};
