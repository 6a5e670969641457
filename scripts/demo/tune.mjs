// The demo's third part: eight bars that everybody knows, continued by the embedded model.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import midiFile from 'midi-file';
import { sluice } from '../lib/cli.mjs';
import { root } from '../lib/paths.mjs';

const QUARTER = 480;
// Beethoven's Ode to Joy in D: pitch and quarters, and a bass note for each half bar.
const melody = [
  ...[66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66].map((pitch) => [pitch, 1]),
  ...[[66, 1.5], [64, 0.5], [64, 2]], // prettier-ignore
  ...[66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66].map((pitch) => [pitch, 1]),
  ...[[64, 1.5], [62, 0.5], [62, 2]], // prettier-ignore
];
const bass = [50, 50, 45, 45, 50, 50, 45, 45, 50, 50, 45, 45, 50, 50, 45, 50].map((pitch) => [pitch, 2]);

function track(notes, channel, program, velocity) {
  const events = [{ deltaTime: 0, type: 'programChange', channel, programNumber: program }];
  for (const [noteNumber, quarters] of notes) {
    const note = { channel, noteNumber, velocity };
    events.push({ deltaTime: 0, type: 'noteOn', ...note });
    events.push({ deltaTime: quarters * QUARTER, type: 'noteOff', ...note, velocity: 0 });
  }
  return [...events, { deltaTime: 0, type: 'endOfTrack', meta: true }];
}

function seedFile() {
  const signatures = [
    { deltaTime: 0, type: 'setTempo', meta: true, microsecondsPerBeat: 500000 },
    {
      deltaTime: 0,
      type: 'timeSignature',
      meta: true,
      numerator: 4,
      denominator: 4,
      metronome: 24,
      thirtyseconds: 8,
    },
    { deltaTime: 0, type: 'keySignature', meta: true, key: 2, scale: 0 },
    { deltaTime: 0, type: 'endOfTrack', meta: true },
  ];
  const header = { format: 1, numTracks: 3, ticksPerBeat: QUARTER };
  const tracks = [signatures, track(melody, 0, 0, 90), track(bass, 1, 0, 70)];
  return Uint8Array.from(midiFile.writeMidi({ header, tracks }));
}

// Writes demo-output/seed.mid and demo-output/tune.mid. Returns the exit status.
export async function tuneDemo() {
  const folder = join(root, 'demo-output');
  mkdirSync(folder, { recursive: true });
  const [seed, out] = [join(folder, 'seed.mid'), join(folder, 'tune.mid')];
  writeFileSync(seed, seedFile());
  console.log(`Continuing ${seed}, eight bars of the Ode to Joy`);
  const { code, last, stderr } = await sluice([
    'compose',
    '--seed-midi',
    seed,
    '--seed',
    '3',
    '--events',
    '160',
    '--out',
    out,
  ]);
  if (code !== 0 || last?.event !== 'done') {
    console.log(`There is no tune: ${last?.message ?? stderr}\n${last?.hint ?? ''}`);
    return last?.code === 'no-embedded-model' ? 0 : code || 1;
  }
  const rate = last.events_per_second.toFixed(0);
  console.log(
    `The tune is ${out}: ${last.events} new events, ${rate} a second (${last.seconds.toFixed(1)} s with everything)`,
  );
  return 0;
}
