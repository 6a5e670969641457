// Proves that the import rules bite: each of these lines must be refused where it stands, types included.
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';

export const title = 'import rules refuse what they must';

// The file must exist for typed rules; only its text is replaced.
const refused = [
  ['src-main/jobs/queue.ts', "import { openEngine } from '../engine/index.ts';"],
  ['src-main/jobs/queue.ts', "import type { Engine } from '../engine/index.ts';"],
  ['src-main/jobs/queue.ts', "import fs from 'node:fs';"],
  ['src-main/engine/index.ts', "import { reduce } from '../jobs/queue.ts';"],
  ['src-preload/contract/errors.ts', "import type { Engine } from '../../src-main/engine/index.ts';"],
  ['src-main/ipc/painting.ts', "import { ipcMain } from 'electron';"],
  ['src-main/painting/painter.ts', "import { ipcRenderer } from 'electron';"],
  ['src-main/painting/orders.ts', "import { IpcBridge } from '../ipc/bridge.ts';"],
  ['src-renderer/app/studio.ts', "import { ipcRenderer } from 'electron';"],
  ['src-renderer/core/history.ts', "import { useState } from 'react';"],
  ['src-renderer/core/history.ts', "import { studio } from '../app/studio.ts';"],
  ['src-renderer/ui/Choice.tsx', "import { studio } from '../app/studio.ts';"],
  ['src-preload/contract/errors.ts', "import path from 'node:path';"],
];
const rules = new Set(['import-x/no-restricted-paths', 'no-restricted-imports']);

export async function problems() {
  const { ESLint } = await import('eslint'); // installed by set-up, later than this module is loaded
  const eslint = new ESLint({ cwd: root });
  const missed = [];
  for (const [file, text] of refused) {
    const [result] = await eslint.lintText(`${text}\n`, { filePath: join(root, file) });
    if (!result?.messages.some(({ ruleId }) => rules.has(ruleId))) missed.push(`${file} may contain ${text}`);
  }
  return missed;
}
