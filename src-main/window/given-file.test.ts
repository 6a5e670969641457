import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { givenProject } from './given-file.ts';

it('is the first project file among the arguments', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-given-'));
  try {
    writeFileSync(join(folder, 'a.sluice'), '');
    mkdirSync(join(folder, 'b.sluice'));
    const path = join(folder, 'a.sluice');
    expect(givenProject(['electron', '--x=y.sluice', path], '/')).toBe(path);
    expect(givenProject(['electron', 'a.sluice'], folder)).toBe(path);
    for (const args of [
      ['electron', '.'],
      ['electron', 'b.sluice'],
      ['electron', 'c.sluice'],
      ['--a.sluice'],
    ])
      expect(givenProject(args, folder)).toBeNull();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
