// The folder that becomes the archive: what the build made, and of the packages only those that the main process
// imports (the window's are in its bundle already), each with its licence.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assembled, electronProgram } from '../lib/electron.mjs';
import { root } from '../lib/paths.mjs';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

// Bare imports of the bundled main process.
function importedPackages(folder) {
  const found = new Set();
  for (const file of readdirSync(folder, { recursive: true })) {
    if (!file.endsWith('.js')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, name] of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["']([@a-z][^"']*)["']/g)) {
      if (name.startsWith('node:') || name === 'electron') continue;
      found.add(
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    }
  }
  return [...found].filter((name) => existsSync(join(root, 'node_modules', name, 'package.json')));
}

// A package's folder as Node resolves it from another one's.
function resolveFrom(folder, name) {
  for (let at = folder; at.startsWith(root); at = dirname(at)) {
    const path = join(at, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
  }
  return null; // an optional one of another system
}

function closure(names) {
  const folders = new Map();
  const add = (folder) => {
    if (folder === null || folders.has(folder)) return;
    const description = readJson(join(folder, 'package.json'));
    folders.set(folder, description);
    for (const name of Object.keys({ ...description.dependencies, ...description.optionalDependencies }))
      add(resolveFrom(folder, name));
  };
  for (const name of names) add(resolveFrom(root, name));
  return folders;
}

function copyLicence(folder, name, target) {
  const files = readdirSync(folder);
  const file =
    files.find((each) => /^(licen[cs]e|copying|notice)/i.test(each)) ??
    files.find((each) => /licen[cs]e/i.test(each));
  if (file === undefined) return;
  cpSync(join(folder, file), join(target, `${name.replaceAll('/', '-')}.txt`));
}

export function stageApp(target) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, 'licences'), { recursive: true });
  for (const part of ['main', 'preload', 'renderer'])
    cpSync(join(root, 'out', part), join(target, 'out', part), {
      recursive: true,
      filter: (path) => !path.endsWith('.map'),
    });
  const { name, version, description, license, dependencies } = readJson(join(root, 'package.json'));
  const needed = closure(importedPackages(join(root, 'out', 'main')));
  for (const [folder, { name: each }] of needed) {
    const place = folder.slice(root.length + 1);
    cpSync(folder, join(target, place), { recursive: true, filter: (path) => !/\.(map|ts|md)$/.test(path) });
    copyLicence(folder, each, join(target, 'licences'));
  }
  // The window's packages are inside its bundle; their licences come along all the same.
  for (const [folder, { name: each }] of closure(Object.keys(dependencies)))
    copyLicence(folder, each, join(target, 'licences'));
  const own = Object.fromEntries(
    [...needed.values()].filter((each) => each.name in dependencies).map((each) => [each.name, each.version]),
  );
  const main = 'out/main/main.js';
  writeFileSync(
    join(target, 'package.json'),
    JSON.stringify({ name, version, description, license, type: 'module', main, dependencies: own }),
  );
  return target;
}

// The runtime to wrap: Electron's own, or the one that set-up assembled, less what starts it from a source tree.
// Null on systems where electron-builder fetches it by itself.
export function stageElectron(target) {
  const program = electronProgram();
  if (program === null || process.platform !== 'linux') return null;
  const folder = dirname(program);
  rmSync(target, { recursive: true, force: true });
  const left = [join(folder, 'resources', 'app'), join(folder, 'resources', 'default_app.asar')];
  cpSync(folder, target, { recursive: true, filter: (path) => !left.includes(path) });
  const version = existsSync(join(folder, 'version'))
    ? readFileSync(join(folder, 'version'), 'utf8').trim().replace(/^v/, '')
    : assembled.electron;
  return { folder: target, version };
}
