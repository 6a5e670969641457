// General MIDI's names: 128 instruments in 16 families of 8, and the drums' keys.
export const families = [
  'Piano',
  'Chromatic percussion',
  'Organ',
  'Guitar',
  'Bass',
  'Strings',
  'Ensemble',
  'Brass',
  'Reed',
  'Pipe',
  'Synth lead',
  'Synth pad',
  'Synth effects',
  'World',
  'Percussive',
  'Sound effects',
] as const;

export const instruments: readonly string[] = [
  ['Grand piano', 'Bright piano', 'Electric grand', 'Honky-tonk', 'Electric piano 1', 'Electric piano 2'],
  ['Harpsichord', 'Clavinet'],
  ['Celesta', 'Glockenspiel', 'Music box', 'Vibraphone', 'Marimba', 'Xylophone', 'Tubular bells', 'Dulcimer'],
  ['Drawbar organ', 'Percussive organ', 'Rock organ', 'Church organ', 'Reed organ', 'Accordion', 'Harmonica'],
  ['Tango accordion'],
  ['Nylon guitar', 'Steel guitar', 'Jazz guitar', 'Clean guitar', 'Muted guitar', 'Overdriven guitar'],
  ['Distortion guitar', 'Guitar harmonics'],
  ['Acoustic bass', 'Fingered bass', 'Picked bass', 'Fretless bass', 'Slap bass 1', 'Slap bass 2'],
  ['Synth bass 1', 'Synth bass 2'],
  ['Violin', 'Viola', 'Cello', 'Contrabass', 'Tremolo strings', 'Pizzicato strings', 'Harp', 'Timpani'],
  [
    'String ensemble 1',
    'String ensemble 2',
    'Synth strings 1',
    'Synth strings 2',
    'Choir aahs',
    'Voice oohs',
  ],
  ['Synth voice', 'Orchestra hit'],
  ['Trumpet', 'Trombone', 'Tuba', 'Muted trumpet', 'French horn', 'Brass section', 'Synth brass 1'],
  ['Synth brass 2'],
  ['Soprano sax', 'Alto sax', 'Tenor sax', 'Baritone sax', 'Oboe', 'English horn', 'Bassoon', 'Clarinet'],
  ['Piccolo', 'Flute', 'Recorder', 'Pan flute', 'Blown bottle', 'Shakuhachi', 'Whistle', 'Ocarina'],
  [
    'Square lead',
    'Sawtooth lead',
    'Calliope lead',
    'Chiff lead',
    'Charang lead',
    'Voice lead',
    'Fifths lead',
  ],
  ['Bass and lead'],
  ['New age pad', 'Warm pad', 'Polysynth pad', 'Choir pad', 'Bowed pad', 'Metallic pad', 'Halo pad'],
  ['Sweep pad'],
  ['Rain', 'Soundtrack', 'Crystal', 'Atmosphere', 'Brightness', 'Goblins', 'Echoes', 'Sci-fi'],
  ['Sitar', 'Banjo', 'Shamisen', 'Koto', 'Kalimba', 'Bagpipe', 'Fiddle', 'Shanai'],
  [
    'Tinkle bell',
    'Agogo',
    'Steel drums',
    'Woodblock',
    'Taiko',
    'Melodic tom',
    'Synth drum',
    'Reverse cymbal',
  ],
  ['Guitar fret noise', 'Breath noise', 'Seashore', 'Bird tweet', 'Telephone', 'Helicopter', 'Applause'],
  ['Gunshot'],
].flat();

export const instrumentName = (program: number): string => instruments[program] ?? `Program ${program + 1}`;

const drumNames: Readonly<Record<number, string>> = {
  35: 'Low kick',
  36: 'Kick',
  37: 'Side stick',
  38: 'Snare',
  39: 'Clap',
  40: 'Snare 2',
  41: 'Low floor tom',
  42: 'Closed hat',
  43: 'Floor tom',
  44: 'Pedal hat',
  45: 'Low tom',
  46: 'Open hat',
  47: 'Mid tom',
  48: 'High mid tom',
  49: 'Crash',
  50: 'High tom',
  51: 'Ride',
  52: 'China',
  53: 'Ride bell',
  54: 'Tambourine',
  55: 'Splash',
  56: 'Cowbell',
  57: 'Crash 2',
  59: 'Ride 2',
  60: 'High bongo',
  61: 'Low bongo',
  62: 'Muted conga',
  63: 'Open conga',
  64: 'Low conga',
  69: 'Cabasa',
  70: 'Maracas',
  75: 'Claves',
  76: 'High block',
  77: 'Low block',
  80: 'Muted triangle',
  81: 'Triangle',
};

const names = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'] as const;
export const pitchClasses: readonly string[] = names;
export const isBlack = (pitch: number): boolean => [1, 3, 6, 8, 10].includes(pitch % 12);
// The middle C, key 60, is C4.
export const pitchName = (pitch: number): string => `${names[pitch % 12] ?? ''}${Math.floor(pitch / 12) - 1}`;
export const keyName = (pitch: number, drums: boolean): string =>
  drums ? (drumNames[pitch] ?? pitchName(pitch)) : pitchName(pitch);

export const scales = {
  Major: [0, 2, 4, 5, 7, 9, 11],
  Minor: [0, 2, 3, 5, 7, 8, 10],
  'Harmonic minor': [0, 2, 3, 5, 7, 8, 11],
  Dorian: [0, 2, 3, 5, 7, 9, 10],
  Mixolydian: [0, 2, 4, 5, 7, 9, 10],
  'Major pentatonic': [0, 2, 4, 7, 9],
  'Minor pentatonic': [0, 3, 5, 7, 10],
  Blues: [0, 3, 5, 6, 7, 10],
} as const;
export type ScaleName = keyof typeof scales;

export interface Scale {
  readonly root: number; // 0 to 11
  readonly name: ScaleName;
}
export const inScale = ({ root, name }: Scale, pitch: number): boolean =>
  (scales[name] as readonly number[]).includes((pitch - root + 120) % 12);
