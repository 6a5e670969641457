// Finding a Rust toolchain that is new enough for native/Cargo.toml, and running cargo with it.
// Plain Node without dependencies: set-up runs before any package is installed.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { readStamp, writeStamp } from './hash.mjs';
import { buildDir, root } from './paths.mjs';
import { which } from './process.mjs';

export const workspace = join(root, 'native', 'Cargo.toml');
export const cargoTargetDir = join(buildDir, 'rust');

// How tests and lint build: as a release does, with a debug build's checks in our crates. What is not ours is the same
// in both, so cargo compiles it once.
export const checkedBuild = ['--release', '--config', join(root, 'native', 'checked.toml')];

// Set-up's own toolchain, where it had to fetch one: outside the tree, and nothing of the user's is touched.
const cacheDir = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
export const ownRust = join(cacheDir, 'sluice', 'rust');
export const ownRustEnv = { CARGO_HOME: join(ownRust, 'cargo'), RUSTUP_HOME: join(ownRust, 'rustup') };

// The oldest Rust that the crates build with, as the workspace declares it: "1.89".
export function neededRust() {
  return /^rust-version = "(\d+\.\d+)"/m.exec(readFileSync(workspace, 'utf8'))[1];
}

export function isNewEnough(version, needed = neededRust()) {
  const [major, minor] = version.split('.').map(Number);
  const [wantMajor, wantMinor] = needed.split('.').map(Number);
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

// rustup's stand-ins look at RUSTUP_HOME; a toolchain of ours needs its own.
export function cargoEnv(cargo) {
  const own = cargo.startsWith(ownRust) ? ownRustEnv : {};
  return { ...own, PATH: `${dirname(cargo)}${delimiter}${process.env.PATH ?? ''}` };
}

// "1.95.0", or null where the program does not answer.
function versionOf(cargo) {
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], cwd: join(root, 'native') };
    const text = execFileSync(cargo, ['--version'], {
      ...options,
      env: { ...process.env, ...cargoEnv(cargo) },
    });
    return /^cargo (\d+\.\d+\.\d+)/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}

// The stable toolchain of a rustup whose default is an older one.
function stableOfRustup() {
  if (which('rustup') === null) return null;
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('rustup', ['which', '--toolchain', 'stable', 'cargo'], options).trim();
  } catch {
    return null;
  }
}

// Every cargo on this machine with its version, in the order of preference. Debian and Ubuntu carry newer ones
// under names with their version.
export function cargos() {
  const versioned = Array.from({ length: 40 }, (_, i) => `cargo-1.${120 - i}`);
  const places = [
    process.env.CARGO,
    which('cargo'),
    join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin', 'cargo'),
    ...versioned.map(which),
    stableOfRustup(),
    join(ownRust, 'cargo', 'bin', 'cargo'),
  ];
  const found = [...new Set(places.filter((path) => path && existsSync(path)))];
  return found.map((path) => ({ path, version: versionOf(path) })).filter(({ version }) => version !== null);
}

// The first cargo that is new enough, or null. What was found is kept: every command asks, and asking all takes time.
export function findCargo() {
  const needed = neededRust();
  const [path, forNeeded] = readStamp('cargo').split('\n');
  if (path && forNeeded === needed && existsSync(path)) return path;
  const found = cargos().find(({ version }) => isNewEnough(version, needed))?.path ?? null;
  if (found !== null) writeStamp('cargo', `${found}\n${needed}`);
  return found;
}
