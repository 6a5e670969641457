// ESLint over everything that it knows: strict typed rules, import cycles, import rules by path.
import { relative } from 'node:path';
import { root } from '../lib/paths.mjs';

export const title = 'ESLint';

export async function problems() {
  const { ESLint } = await import('eslint'); // installed by set-up, later than this module is loaded
  const results = await new ESLint({ cwd: root }).lintFiles(['.']);
  return results.flatMap(({ filePath, messages }) =>
    messages.map(
      ({ line, column, ruleId, message }) =>
        `${relative(root, filePath)}:${line}:${column} ${message} (${ruleId ?? 'parser'})`,
    ),
  );
}
