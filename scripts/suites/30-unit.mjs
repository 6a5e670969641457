import { runVitest } from '../lib/vitest.mjs';

export const name = 'unit';

export const run = (check) => runVitest(check, { report: 'unit', where: 'in vitest' });
