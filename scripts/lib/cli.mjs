// Running ./sluice in tests: its events with --json, every line of standard output checked to be one.
import { join } from 'node:path';
import { root } from './paths.mjs';
import { capture } from './process.mjs';

const program = join(root, 'sluice');

// Rejects when standard output carries anything but JSON objects.
export async function sluice(args, options = {}) {
  const result = await capture(program, [...args, '--json'], { cwd: root, timeoutSeconds: 600, ...options });
  const events = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line);
      } catch {
        throw new Error(`standard output carries "${line}", which is not JSON\n${result.stderr}`);
      }
    });
  return { ...result, events, last: events.at(-1) };
}

export function sluicePlain(args, options = {}) {
  return capture(program, args, { cwd: root, timeoutSeconds: 600, ...options });
}

// How a run ended, for a check's detail.
export const show = (result) =>
  `status ${result.code}\n${result.stdout.slice(-3000)}\n${result.stderr.slice(-3000)}`;
