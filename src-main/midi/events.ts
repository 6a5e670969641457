// Rows of tokens as events that programs can read, as they come: kind, place in beats, parameters. The tokens' ranges
// are those of native/midi/src/tokenizer/vocab.rs; a test compares with what the tokenizer makes of a file.
import { ROW, type TokenizerVersion } from '../../src-preload/contract/midi.ts';

export interface MidiEvent {
  type: string; // note, patch_change, control_change, set_tempo, time_signature, key_signature
  beat: number; // from the piece's start, in sixteenths of a beat
  [parameter: string]: number | string;
}

interface Range {
  name: string;
  size: number;
}

const ranges = (version: TokenizerVersion): Range[] => {
  const range = (name: string, size = 128): Range => ({ name, size });
  const both = [
    ...[
      range('beats'),
      range('sixteenths', 16),
      range('duration', 2048),
      range('track'),
      range('channel', 16),
    ],
    ...[range('pitch'), range('velocity'), range('patch'), range('controller'), range('value')],
  ];
  if (version === 'v1') return [...both, range('bpm', 256)];
  const signatures = [
    range('numerator', 16),
    range('denominator', 4),
    range('sharps', 15),
    range('minor', 2),
  ];
  return [...both, range('bpm', 384), ...signatures];
};

const kinds = ['note', 'patch_change', 'control_change', 'set_tempo', 'time_signature', 'key_signature'];
const FIRST_KIND = 3;

// What a parameter's token stands for, in the units that people use.
function meaning(name: string, value: number): number {
  switch (name) {
    case 'duration':
      return value / 16; // beats
    case 'numerator':
      return value + 1;
    case 'denominator':
      return 2 ** (value + 1);
    case 'sharps':
      return value - 7;
    default:
      return value;
  }
}

export class EventReader {
  readonly #kinds: readonly string[];
  readonly #tokens: { name: string; value: number }[] = [];
  #beats = 0;

  // `before`: the rows that stand before the first event that is read.
  constructor(version: TokenizerVersion, before: Uint32Array) {
    this.#kinds = version === 'v1' ? kinds.slice(0, 4) : kinds;
    for (const { name, size } of ranges(version)) {
      for (let value = 0; value < size; value++) this.#tokens.push({ name, value });
    }
    for (let at = 0; at < before.length; at += ROW) this.read(before.subarray(at, at + ROW));
  }

  // Null for rows that are no event: bos, eos, padding.
  read(row: Uint32Array): MidiEvent | null {
    const [kind = 0, ...rest] = row;
    const type = this.#kinds[kind - FIRST_KIND];
    if (type === undefined) return null;
    const event: MidiEvent = { type, beat: 0 };
    for (const token of rest) {
      const found = this.#tokens[token - FIRST_KIND - this.#kinds.length];
      if (found === undefined) continue;
      if (found.name === 'beats') this.#beats += found.value;
      else if (found.name === 'sixteenths') event.beat = this.#beats + found.value / 16;
      else event[found.name] = meaning(found.name, found.value);
    }
    return event;
  }
}
