// Writes the library's JSON schemas from the contract (src-main/grammar/generate.ts). Run it after changing an answer
// or the studio's vocabulary: node scripts/grammars/build.mjs
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerImport } from 'vite';
import { root } from '../lib/paths.mjs';

const { module } = await runnerImport(join(root, 'src-main', 'grammar', 'generate.ts'));
for (const [file, text] of Object.entries(module.generatedGrammars())) {
  writeFileSync(join(root, 'resources', 'grammars', file), text);
  console.log(`resources/grammars/${file}  ${text.length} bytes`);
}
