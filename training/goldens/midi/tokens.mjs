// Our tokens of .mid files for check_files.py: a path a line on standard input; on standard output for each path and
// way of tokenising a line of JSON: path, version, optimise, and hashes of the rows and of the file made of them.
//   node tokens.mjs build/native/addon/sluice.node < paths
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const addon = createRequire(import.meta.url)(resolve(process.argv[2]));
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

for (const path of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  for (const version of [1, 2]) {
    for (const tidy of [false, true]) {
      const told = { path, version, optimise: tidy };
      const ways = { remap: tidy, defaultInstruments: tidy, removeEmptyChannels: tidy, keepSmallChanges: false };
      try {
        const { rows } = await addon.midiEncode(readFileSync(path), { version, ...ways, strict: true });
        const file = await addon.midiDecode({ version, rows });
        const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
        console.log(JSON.stringify({ ...told, events: rows.length / 8, rows: hash(bytes), file: hash(file) }));
      } catch (error) {
        console.log(JSON.stringify({ ...told, error: error.message }));
      }
    }
  }
}
