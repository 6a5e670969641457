// Names that people give to instruments, drum kits, keys and time signatures.
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { ComposeRequest } from '../../src-preload/contract/midi.ts';

// General MIDI's 128 programs, sixteen families of eight.
const programs = `
Acoustic Grand Piano|Bright Acoustic Piano|Electric Grand Piano|Honky-tonk Piano|Electric Piano 1|Electric Piano 2|Harpsichord|Clavinet
Celesta|Glockenspiel|Music Box|Vibraphone|Marimba|Xylophone|Tubular Bells|Dulcimer
Drawbar Organ|Percussive Organ|Rock Organ|Church Organ|Reed Organ|Accordion|Harmonica|Tango Accordion
Acoustic Guitar (nylon)|Acoustic Guitar (steel)|Electric Guitar (jazz)|Electric Guitar (clean)|Electric Guitar (muted)|Overdriven Guitar|Distortion Guitar|Guitar Harmonics
Acoustic Bass|Electric Bass (finger)|Electric Bass (pick)|Fretless Bass|Slap Bass 1|Slap Bass 2|Synth Bass 1|Synth Bass 2
Violin|Viola|Cello|Contrabass|Tremolo Strings|Pizzicato Strings|Orchestral Harp|Timpani
String Ensemble 1|String Ensemble 2|Synth Strings 1|Synth Strings 2|Choir Aahs|Voice Oohs|Synth Voice|Orchestra Hit
Trumpet|Trombone|Tuba|Muted Trumpet|French Horn|Brass Section|Synth Brass 1|Synth Brass 2
Soprano Sax|Alto Sax|Tenor Sax|Baritone Sax|Oboe|English Horn|Bassoon|Clarinet
Piccolo|Flute|Recorder|Pan Flute|Blown Bottle|Shakuhachi|Whistle|Ocarina
Lead 1 (square)|Lead 2 (sawtooth)|Lead 3 (calliope)|Lead 4 (chiff)|Lead 5 (charang)|Lead 6 (voice)|Lead 7 (fifths)|Lead 8 (bass + lead)
Pad 1 (new age)|Pad 2 (warm)|Pad 3 (polysynth)|Pad 4 (choir)|Pad 5 (bowed)|Pad 6 (metallic)|Pad 7 (halo)|Pad 8 (sweep)
FX 1 (rain)|FX 2 (soundtrack)|FX 3 (crystal)|FX 4 (atmosphere)|FX 5 (brightness)|FX 6 (goblins)|FX 7 (echoes)|FX 8 (sci-fi)
Sitar|Banjo|Shamisen|Koto|Kalimba|Bagpipe|Fiddle|Shanai
Tinkle Bell|Agogo|Steel Drums|Woodblock|Taiko Drum|Melodic Tom|Synth Drum|Reverse Cymbal
Guitar Fret Noise|Breath Noise|Seashore|Bird Tweet|Telephone Ring|Helicopter|Applause|Gunshot`
  .trim()
  .split(/[|\n]/);

const kits: Record<string, number> = {
  standard: 0,
  room: 8,
  power: 16,
  electric: 24,
  'tr-808': 25,
  jazz: 32,
  brush: 40,
  orchestra: 48,
};

function unknown(what: string, text: string, names: readonly string[]): SluiceError {
  const list = names.join(', ');
  return new SluiceError(
    Status.usage,
    `unknown-${what}`,
    `there is no ${what} "${text}"`,
    `There are ${list}.`,
  );
}

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '');

export const instrumentNames: readonly string[] = programs;

// A program by its number (0 to 127), its name, or a beginning or part of a name: the first that fits.
export function instrument(text: string): number {
  if (/^\d+$/.test(text.trim())) {
    const number = Number(text);
    if (number < 128) return number;
    throw new SluiceError(Status.usage, 'unknown-instrument', `instrument ${number}: programs are 0 to 127`);
  }
  const wanted = plain(text);
  const names = programs.map(plain);
  const found = [
    names.indexOf(wanted),
    names.findIndex((name) => name.startsWith(wanted)),
    names.findIndex((name) => name.includes(wanted)),
  ].find((index) => index >= 0);
  if (found === undefined || wanted === '') throw unknown('instrument', text, programs);
  return found;
}

// A drum kit by its name or program; "none" is none.
export function drumKit(text: string): number | null {
  if (plain(text) === 'none') return null;
  if (/^\d+$/.test(text.trim()) && Number(text) < 128) return Number(text);
  const found = Object.entries(kits).find(([name]) => plain(name) === plain(text));
  if (found === undefined) throw unknown('drum kit', text, ['none', ...Object.keys(kits)]);
  return found[1];
}

const fifths = ['F', 'C', 'G', 'D', 'A', 'E', 'B'];

// "C", "F#m", "Bb", "e minor", "A♭ major".
export function key(text: string): NonNullable<ComposeRequest['key']> {
  const found = /^\s*([a-g])\s*(#|♯|b|♭|-?sharp|-?flat)?\s*(m|min|minor|maj|major)?\s*$/i.exec(text);
  const letter = found?.[1]?.toUpperCase() ?? '';
  const sign = found?.[2]?.toLowerCase() ?? '';
  const mode = found?.[3] ?? '';
  const minor = mode === 'm' || /^min/i.test(mode);
  const shift = sign === '' ? 0 : /#|♯|sharp/.test(sign) ? 7 : -7;
  const sharps = fifths.indexOf(letter) - 1 + shift - (minor ? 3 : 0);
  if (found === null || sharps < -7 || sharps > 7) {
    throw unknown('key', text, [
      'C, G, D, A, E, B, F#, C#, F, Bb, Eb, Ab, Db, Gb, Cb, and minor ones such as Am or F#m',
    ]);
  }
  return { sharps, minor };
}

// "6/8": 1 to 16 over 2, 4, 8 or 16.
export function timeSignature(text: string): NonNullable<ComposeRequest['timeSignature']> {
  const found = /^\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text);
  const [numerator, denominator] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  const denominatorPower = Math.log2(denominator);
  if (found === null) {
    throw new SluiceError(Status.usage, 'usage', `expected a time signature such as 3/4, found "${text}"`);
  }
  if (numerator < 1 || numerator > 16 || ![1, 2, 3, 4].includes(denominatorPower)) {
    const expected = 'expected 1 to 16 over 2, 4, 8 or 16';
    throw new SluiceError(Status.input, 'bad-time-signature', `time signature ${text}: ${expected}`);
  }
  return { numerator, denominatorPower };
}
