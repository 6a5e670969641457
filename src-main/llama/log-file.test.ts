import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { LogFile } from './log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('rotates, keeps the newest lines and bounds what it takes', async () => {
  const path = join(folder, 'a', 'server.log');
  const log = new LogFile(path, { maxBytes: 1000, files: 3 });
  for (let line = 0; line < 200; line++) {
    log.line(`line ${line} ${'x'.repeat(40)}`);
    if (line % 10 === 9) await log.settled();
  }
  await log.close();
  const names = readdirSync(join(folder, 'a')).sort();
  const bytes = names.reduce((sum, name) => sum + statSync(join(folder, 'a', name)).size, 0);
  expect(names.length).toBeLessThanOrEqual(3);
  expect(bytes).toBeLessThan(5000);
  expect(names.map((name) => readFileSync(join(folder, 'a', name), 'utf8')).join('')).toContain('line 199');
});

it('hides secrets, on disk and in its tail', async () => {
  const log = new LogFile(join(folder, 'secret.log'));
  log.hide('k3y');
  log.line('the key is k3y, again k3y');
  await log.close();
  expect(readFileSync(log.path, 'utf8')).toBe('the key is [secret], again [secret]\n');
  expect(log.tail).toEqual(['the key is [secret], again [secret]']);
});

it('a full disk costs lines, and nothing else; the loss is told when there is room again', async () => {
  const path = join(folder, 'full.log');
  symlinkSync('/dev/full', path);
  const log = new LogFile(path, { retryMs: 0 });
  log.line('lost');
  await log.settled();
  expect(log.dropped).toBe(1);
  expect(log.tail).toEqual(['lost']);
  rmSync(path);
  log.line('kept');
  await log.close();
  expect(readFileSync(path, 'utf8')).toBe('(1 lines were dropped: the log could not be written)\nkept\n');
});
