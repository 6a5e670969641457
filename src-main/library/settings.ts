// Small settings files that heal: what cannot be read is as if it were not there.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { writeWhole } from './files.ts';

export class SettingsFile<T> {
  readonly #path: string;
  #value: T;

  constructor(path: string, schema: z.ZodType<T>, fallback: T) {
    this.#path = path;
    this.#value = fallback;
    if (!existsSync(path)) return;
    try {
      const kept = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
      if (kept.success) this.#value = kept.data;
    } catch {
      // not JSON: the fallback stands, and the next change writes a whole file
    }
  }

  get value(): T {
    return this.#value;
  }

  async set(value: T): Promise<void> {
    this.#value = value;
    mkdirSync(dirname(this.#path), { recursive: true });
    await writeWhole([{ path: this.#path, content: Buffer.from(JSON.stringify(value, null, 2)) }]);
  }
}
