// A chord sheet as musicians write one: lines with key and tempo, then bars between '|'. Its grammar is
// resources/grammars/chords.gbnf; this reads what follows it.
import { z } from 'zod';
import { keyName, type KeyName } from './parts.ts';

const qualities = {
  '': [0, 4, 7],
  m: [0, 3, 7],
  7: [0, 4, 7, 10],
  maj7: [0, 4, 7, 11],
  m7: [0, 3, 7, 10],
  dim: [0, 3, 6],
  aug: [0, 4, 8],
  sus2: [0, 2, 7],
  sus4: [0, 5, 7],
  6: [0, 4, 7, 9],
  m6: [0, 3, 7, 9],
  9: [0, 4, 7, 10, 14],
} as const;
export const chordQuality = z.enum(Object.keys(qualities));

const semitones: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };

function pitchClass(name: string): number {
  const accidental = name.endsWith('#') ? 1 : name.endsWith('b') ? -1 : 0;
  return ((semitones[name.charAt(0)] ?? 0) + accidental + 12) % 12;
}

export interface Chord {
  name: string; // "Am7", "C/E"
  beats: number; // quarters
  pitches: number[]; // MIDI, the bass first
}

export interface ChordSheet {
  key: KeyName;
  tempo: number; // quarters a minute
  bars: Chord[][];
}

function readChord(name: string, beats: number): Chord {
  const found = /^([A-G][#b]?)(.*?)(?:\/([A-G][#b]?))?$/.exec(name);
  const [, root = 'C', quality = '', bass = root] = found ?? [];
  const intervals = qualities[quality as keyof typeof qualities] as readonly number[] | undefined;
  if (found === null || intervals === undefined) throw new Error(`"${name}" is not a chord`);
  const low = 36 + pitchClass(bass);
  const middle = 48 + pitchClass(root);
  return { name, beats, pitches: [low, ...intervals.map((interval) => middle + interval)] };
}

// Reads an answer; throws an Error that names what is not as the grammar has it. Bars have four beats, shared evenly.
export function parseChords(text: string): ChordSheet {
  const [keyLine = '', tempoLine = '', ...lines] = text.trimEnd().split('\n');
  const key = keyName.safeParse(keyLine.replace(/^Key: /, ''));
  if (!keyLine.startsWith('Key: ') || !key.success) throw new Error(`expected a key, found "${keyLine}"`);
  const tempo = /^Tempo: (\d{2,3})$/.exec(tempoLine)?.[1];
  if (tempo === undefined) throw new Error(`expected a tempo, found "${tempoLine}"`);
  const bars = lines.flatMap((line) => {
    if (!/^\|.*\|$/.test(line)) throw new Error(`expected bars between '|', found "${line}"`);
    return line
      .slice(1, -1)
      .split('|')
      .map((bar) => {
        const names = bar.trim().split(/ +/);
        return names.map((name) => readChord(name, 4 / names.length));
      });
  });
  if (bars.length === 0) throw new Error('expected at least one bar');
  return { key: key.data, tempo: Number(tempo), bars };
}
