// Fetches the official JSON-Schema-Test-Suite (MIT) out of the source package of the Python library jsonschema, which
// carries it whole. Kept outside the tree, by version.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../lib/process.mjs';

const version = '4.26.0';
const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
const place = join(cacheDir, 'json-schema-test-suite', version);

export async function fetchSuite() {
  if (existsSync(place)) return place;
  const work = mkdtempSync(join(tmpdir(), 'sluice-suite-'));
  try {
    // An environment of its own: Debian's Python comes without pip.
    const python = join(work, 'venv', 'bin', 'python');
    await run('python3', ['-m', 'venv', join(work, 'venv')]);
    const options = ['--no-deps', '--no-binary', ':all:', '--quiet', '--disable-pip-version-check'];
    await run(python, ['-m', 'pip', 'download', ...options, '-d', work, `jsonschema==${version}`]);
    await run('tar', ['xzf', join(work, `jsonschema-${version}.tar.gz`), '-C', work]);
    mkdirSync(join(place, '..'), { recursive: true });
    renameSync(join(work, `jsonschema-${version}`, 'json'), place);
  } catch (error) {
    if (error.code !== 'EXDEV') throw error;
    await run('cp', ['-r', join(work, `jsonschema-${version}`, 'json'), place]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return place;
}

// [{ keyword, groups: [{ description, schema, tests: [{ description, data, valid }] }] }] of one draft.
export function readDraft(suite, draft) {
  const folder = join(suite, 'tests', draft);
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => ({
    keyword: file.replace(/\.json$/, ''),
    groups: JSON.parse(readFileSync(join(folder, file), 'utf8')),
  }));
}
