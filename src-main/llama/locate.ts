// Where a llama-server may be, in the order in which they are looked at; and where the embedded model lies.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { findOnPath } from './launch.ts';

export interface Candidate {
  path: string;
  origin: 'setting' | 'packaged' | 'path' | 'set-up';
}

export interface Places {
  setting: string | null; // what a person named
  packaged: string; // beside the program
  path: string; // PATH
  cacheDir: string;
}

const manifest = z.object({ path: z.string() });

// What set-up installed or built.
function fromSetUp(cacheDir: string): string | null {
  try {
    const text = readFileSync(join(cacheDir, 'llama-server', 'current.json'), 'utf8');
    return manifest.parse(JSON.parse(text)).path;
  } catch {
    return null;
  }
}

export function candidates(places: Places): Candidate[] {
  // What a person named is not replaced by something else: if it is wrong, that is said.
  if (places.setting !== null) return [{ path: resolve(places.setting), origin: 'setting' }];
  const found: Candidate[] = [];
  const add = (path: string | null, origin: Candidate['origin']): void => {
    if (path !== null && existsSync(path) && !found.some((other) => other.path === path))
      found.push({ path, origin });
  };
  add(places.packaged, 'packaged');
  add(findOnPath('llama-server', places.path), 'path');
  add(fromSetUp(places.cacheDir), 'set-up');
  return found;
}

export const EMBEDDED_MODEL = 'SmolLM2-135M-Instruct.Q4_1.gguf';
export const embeddedModel = (cacheDir: string): string => join(cacheDir, 'models', EMBEDDED_MODEL);
