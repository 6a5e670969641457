// What is asked of the composer: kept over starts, healed where it cannot be read.
import { z } from 'zod';
import { create } from 'zustand';
import { MAX_EVENTS, MAX_VARIATIONS } from '../../../src-preload/contract/compose.ts';

export const seedChoices = [
  { value: 'auto', label: 'The chosen notes, or all' },
  { value: 'selection', label: 'The chosen notes' },
  { value: 'view', label: 'The bars in view' },
  { value: 'playhead', label: 'All up to the playhead' },
  { value: 'all', label: 'All notes' },
  { value: 'nothing', label: 'Nothing: a new piece' },
] as const;
export type SeedChoice = (typeof seedChoices)[number]['value'];

const settings = z.object({
  model: z.string().nullable(),
  from: z.enum(seedChoices.map(({ value }) => value)),
  instruments: z.array(z.number().int().min(0).max(127)).max(15),
  drums: z.number().int().min(0).max(127).nullable(), // program of the kit
  free: z.boolean(), // other instruments than these and the seed's
  controllers: z.boolean(), // pedal, bends of volume and the like
  bpm: z.number().int().min(0).max(383), // 0: as it is
  meter: z.string().nullable(), // "3/4"
  key: z.object({ sharps: z.number().int().min(-7).max(7), minor: z.boolean() }).nullable(),
  temperature: z.number().min(0.1).max(2),
  topP: z.number().min(0.05).max(1),
  topK: z.number().int().min(1).max(256),
  bars: z.number().int().min(0).max(128), // 0: no bound but events
  events: z.number().int().min(1).max(MAX_EVENTS),
  count: z.number().int().min(1).max(MAX_VARIATIONS),
  seed: z.number().int().min(0).max(0xffffffff).nullable(), // null: another each time
});
export type ComposeSettings = z.infer<typeof settings>;

export const usualSettings: ComposeSettings = {
  model: null,
  from: 'auto',
  instruments: [],
  drums: null,
  free: true,
  controllers: true,
  bpm: 0,
  meter: null,
  key: null,
  temperature: 1,
  topP: 0.94,
  topK: 20,
  bars: 8,
  events: 512,
  count: 2,
  seed: null,
};

const STORAGE = 'sluice.compose';

function kept(): ComposeSettings {
  try {
    const read = settings.safeParse({
      ...usualSettings,
      ...JSON.parse(localStorage.getItem(STORAGE) ?? '{}'),
    });
    return read.success ? read.data : usualSettings;
  } catch {
    return usualSettings;
  }
}

export const useComposeSettings = create<ComposeSettings>()(kept);
export const composeSettings = (): ComposeSettings => useComposeSettings.getState();

export function setCompose(change: Partial<ComposeSettings>): void {
  useComposeSettings.setState(change);
  localStorage.setItem(STORAGE, JSON.stringify(composeSettings()));
}

export const composeMeters = [
  ...['2/4', '3/4', '4/4', '5/4', '6/4', '7/4', '2/2', '3/2'],
  ...['3/8', '5/8', '6/8', '7/8', '9/8', '12/8'],
];

const majors = ['C', 'G', 'D', 'A', 'E', 'B', 'F♯', 'C♯'];
const flatMajors = ['F', 'B♭', 'E♭', 'A♭', 'D♭', 'G♭', 'C♭'];
const minors = ['A', 'E', 'B', 'F♯', 'C♯', 'G♯', 'D♯', 'A♯'];
const flatMinors = ['D', 'G', 'C', 'F', 'B♭', 'E♭', 'A♭'];
const keysOf = (sharp: string[], flat: string[], minor: boolean) => [
  ...sharp.map((name, sharps) => ({ name: `${name} ${minor ? 'minor' : 'major'}`, sharps, minor })),
  ...flat.map((name, i) => ({ name: `${name} ${minor ? 'minor' : 'major'}`, sharps: -1 - i, minor })),
];
export const composeKeys = [...keysOf(majors, flatMajors, false), ...keysOf(minors, flatMinors, true)];

export const kits = [
  { program: 0, name: 'Standard' },
  { program: 8, name: 'Room' },
  { program: 16, name: 'Power' },
  { program: 24, name: 'Electric' },
  { program: 25, name: 'TR-808' },
  { program: 32, name: 'Jazz' },
  { program: 40, name: 'Brush' },
  { program: 48, name: 'Orchestra' },
] as const;
