// The beginning of a piece, for the roll and as a seed for the composer.
import { z } from 'zod';
import { keyName, note, whole } from './parts.ts';

export const track = z.strictObject({
  instrument: whole(0, 127), // General MIDI's program
  drums: z.boolean(), // pitches are then General MIDI's drums, on channel 10
  notes: z.array(note).min(1).max(64),
});

export const midiSeed = z.strictObject({
  tempo: whole(30, 300), // quarters a minute
  key: keyName,
  beats: whole(2, 7), // quarters to a bar
  tracks: z.array(track).min(1).max(4),
});
export type MidiSeed = z.infer<typeof midiSeed>;
