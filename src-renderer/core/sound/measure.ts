// How tests look at sound: what is in samples of it.
export const RATE = 48000;

export const energy = (samples: Float32Array): number => samples.reduce((sum, x) => sum + x * x, 0);

// How much of the samples' energy is a sine of `hertz` (Goertzel's algorithm), from 0 to 1.
export function share(samples: Float32Array, hertz: number): number {
  const turn = 2 * Math.cos((2 * Math.PI * hertz) / RATE);
  let [before, last] = [0, 0];
  for (const sample of samples) [before, last] = [last, sample + turn * last - before];
  const power = before * before + last * last - turn * before * last;
  return (2 * power) / samples.length / energy(samples);
}

// The key whose frequency is strongest, in tenths of a semitone.
export function loudestKey(samples: Float32Array): number {
  const keys = Array.from({ length: 480 }, (_, i) => 60 + i / 10);
  const shares = keys.map((key) => share(samples, 440 * 2 ** ((key - 69) / 12)));
  return keys[shares.indexOf(Math.max(...shares))] ?? 0;
}
