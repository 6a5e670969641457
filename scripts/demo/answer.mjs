// The demo's second part: a palette from the language model, held to a grammar of the library and judged by us.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sluice } from '../lib/cli.mjs';
import { root } from '../lib/paths.mjs';

const prompt = 'A colour palette for an orange fish in a green sea.';

// Writes demo-output/palette.json. Returns the exit status.
export async function answerDemo() {
  console.log(`Asking for "${prompt}", held to the grammar "palette"`);
  const args = ['ask', '--grammar-name', 'palette', '--prompt', prompt, '--seed', '7', '--max-tokens', '400'];
  const { code, last, stderr } = await sluice(args);
  if (code !== 0 || last?.event !== 'done') {
    console.log(`There is no answer: ${last?.message ?? stderr}\n${last?.hint ?? ''}`);
    return code === 4 ? 0 : code || 1; // a machine without a language model still has its picture
  }
  const out = join(root, 'demo-output', 'palette.json');
  writeFileSync(out, `${last.text}\n`);
  console.log(last.text);
  const judged = last.valid ? 'valid' : `not valid, because it stopped by its ${last.stopped}`;
  console.log(`The answer is ${out}: ${judged}, ${last.tokens_per_second.toFixed(1)} tokens a second`);
  return last.valid ? 0 : 1;
}
