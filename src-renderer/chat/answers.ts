// An answer's text apart from the thought before it, and as data where its grammar is one of the library's.
import { midiSeed } from '../../src-preload/contract/answers/midi-seed.ts';
import { palette } from '../../src-preload/contract/answers/palette.ts';
import { parseChords } from '../../src-preload/contract/answers/chords.ts';
import { scene } from '../../src-preload/contract/answers/scene.ts';
import { storyboard } from '../../src-preload/contract/answers/storyboard.ts';
import { studioActions } from '../../src-preload/contract/actions.ts';
import type { Message } from '../core/chat/model.ts';

export interface AnswerPart {
  thought: string | null; // null where there is none
  answer: string; // empty while only thought has come
}

export function answerPart({ text, grammar }: Pick<Message, 'text' | 'grammar'>): AnswerPart {
  if (grammar?.marker == null) return { thought: null, answer: text };
  const at = text.indexOf(grammar.marker);
  if (at < 0) return { thought: text, answer: '' };
  return { thought: text.slice(0, at).trim(), answer: text.slice(at + grammar.marker.length).trim() };
}

const readers = {
  scene: (text: string) => ({ kind: 'scene' as const, value: scene.parse(JSON.parse(text)) }),
  palette: (text: string) => ({ kind: 'palette' as const, value: palette.parse(JSON.parse(text)) }),
  storyboard: (text: string) => ({ kind: 'storyboard' as const, value: storyboard.parse(JSON.parse(text)) }),
  'midi-seed': (text: string) => ({ kind: 'midi-seed' as const, value: midiSeed.parse(JSON.parse(text)) }),
  chords: (text: string) => ({ kind: 'chords' as const, value: parseChords(text) }),
  'studio-actions': (text: string) => ({
    kind: 'studio-actions' as const,
    value: studioActions.parse(JSON.parse(text)),
  }),
};
export type KnownAnswer = ReturnType<(typeof readers)[keyof typeof readers]>;

// Null while it is not whole, or where its grammar is a person's own.
export function knownAnswer(message: Message): KnownAnswer | null {
  if (message.facts?.valid !== true) return null;
  const read = readers[message.grammar?.name as keyof typeof readers] as
    ((text: string) => KnownAnswer) | undefined;
  try {
    return read?.(answerPart(message).answer) ?? null;
  } catch {
    return null;
  }
}

// JSON with its lines broken, anything else as it is.
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
