// The grammar library by the official JSON Schema test suite: nothing invalid is accepted, and docs/json-schema.md says
// what is measured.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allTables, documentWith, drafts, loadAddon } from '../json-schema/measure.mjs';
import { root } from '../lib/paths.mjs';

export const name = 'json-schema';

export async function run(check) {
  const tables = await allTables(loadAddon());
  drafts.forEach((draft, at) => {
    check(
      `${draft}: nothing invalid is accepted`,
      tables[at].includes('Nothing invalid is accepted.'),
      tables[at],
    );
  });
  const committed = readFileSync(join(root, 'docs', 'json-schema.md'), 'utf8');
  const measured = documentWith(tables);
  check('docs/json-schema.md has these figures', committed === measured, measured);
}
