// Content keys: what a build product depends on, as one hash, so that nothing is built twice and nothing is stale.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { buildDir, root } from './paths.mjs';

function* filesBelow(path, skip) {
  if (!existsSync(path)) return;
  if (statSync(path).isFile()) {
    yield path;
    return;
  }
  const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const child = join(path, entry.name);
    if (skip(relative(root, child))) continue;
    if (entry.isDirectory()) yield* filesBelow(child, skip);
    else if (entry.isFile()) yield child;
  }
}

// Hash over the names and contents of all files below `paths` (relative to the root) and over `extra`.
export function contentKey(paths, { skip = () => false, extra = [] } = {}) {
  const hash = createHash('sha256');
  for (const path of paths) {
    for (const file of filesBelow(join(root, path), skip)) {
      const content = readFileSync(file);
      hash.update(`${relative(root, file)}\0${content.length}\0`).update(content);
    }
  }
  for (const text of extra) hash.update(`\0${text}`);
  return hash.digest('hex');
}

const stampFile = (name) => join(buildDir, 'stamps', name);

// What was written last, or '' where nothing was.
export function readStamp(name) {
  try {
    return readFileSync(stampFile(name), 'utf8');
  } catch {
    return '';
  }
}

export const stampMatches = (name, key) => readStamp(name) === key;

export function writeStamp(name, key) {
  mkdirSync(dirname(stampFile(name)), { recursive: true });
  writeFileSync(stampFile(name), key);
}
