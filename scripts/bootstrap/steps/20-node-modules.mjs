// The npm packages of package-lock.json, exactly. None of them needs an install script, so none may run one.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { contentKey } from '../../lib/hash.mjs';
import { root } from '../../lib/paths.mjs';
import { run, which } from '../../lib/process.mjs';
import { SetupError } from '../index.mjs';

export const name = 'npm packages';
export const purposes = ['run', 'test'];

// Inside node_modules, so that it goes when they go.
const stamp = join(root, 'node_modules', '.sluice-stamp');
const key = () =>
  contentKey(['package.json', 'package-lock.json'], {
    extra: [process.platform, process.arch, process.versions.modules],
  });

export function check() {
  if (!existsSync(stamp)) return 'not installed';
  return readFileSync(stamp, 'utf8') === key() ? null : 'package-lock.json has changed';
}

export async function apply() {
  const beside = join(dirname(process.execPath), 'npm');
  const npm = existsSync(beside) ? beside : which('npm');
  if (npm === null) {
    throw new SetupError('npm is missing', 'It comes with Node; on Debian or Ubuntu: apt-get install npm');
  }
  await run(npm, ['ci', '--include=dev', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
  });
  writeFileSync(stamp, key());
}
