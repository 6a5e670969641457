// The studio as a person uses it: the real Electron on a screen in memory, with the real engine. Screenshots stay in
// build/e2e-screenshots. One file a spec in e2e/; a spec exports `title` and `run(check)`.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../lib/paths.mjs';

export const name = 'e2e';

export async function run(check) {
  const folder = join(root, 'e2e');
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.spec.mjs'))
    .sort();
  for (const file of files) {
    const spec = await import(pathToFileURL(join(folder, file)).href);
    check.note(spec.title);
    try {
      await spec.run(check);
    } catch (error) {
      check(`${file} ran to its end`, false, error.stack);
    }
  }
}
