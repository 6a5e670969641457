// All static checks; one file each in this folder. `npm run lint` prints what they find, the lint suite counts them.
// A check has a `title` and `problems()`, which gives one line for each finding.
import { fileURLToPath } from 'node:url';
import * as eslint from './eslint.mjs';
import * as format from './format.mjs';
import * as importRules from './import-rules.mjs';
import * as nativeLayers from './native-layers.mjs';
import * as rust from './rust.mjs';
import * as wording from './wording.mjs';

export const checks = [eslint, importRules, nativeLayers, wording, format, rust];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { prepareOrExit } = await import('../bootstrap/index.mjs');
  await prepareOrExit('run');
  let failed = 0;
  for (const { title, problems } of checks) {
    const found = await problems();
    failed += found.length;
    console.log(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${title}`);
    for (const line of found) console.log(`     ${line}`);
  }
  process.exitCode = failed > 0 ? 1 : 0;
}
