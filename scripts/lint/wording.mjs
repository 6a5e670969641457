// Words that unfinished work leaves behind, and tests that were switched off.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';

export const title = 'nothing unfinished, no test switched off';

// Spelled apart, so that this file does not find itself.
const marks = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'];
const words = new RegExp(
  `\\b(${marks.join('|')})\\b|doctest::sk` + `ip\\(|\\b(it|test|describe)\\.(sk` + `ip|on` + `ly)\\(`,
);
const text = /\.(ts|tsx|mjs|js|c|cpp|h|glsl|comp|py|rs|md|def|txt|yml|json)$/;

export async function problems() {
  const listed = await capture('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  if (listed.code !== 0) return [`git ls-files failed: ${listed.stderr}`];
  const found = [];
  for (const file of listed.stdout.split('\n')) {
    if (!text.test(file) || file.endsWith('package-lock.json') || file.includes('testdata/')) continue;
    let content;
    try {
      content = readFileSync(join(root, file), 'utf8');
    } catch {
      continue; // deleted in the work tree
    }
    content.split('\n').forEach((line, index) => {
      if (words.test(line)) found.push(`${file}:${index + 1} ${line.trim()}`);
    });
  }
  return found;
}
