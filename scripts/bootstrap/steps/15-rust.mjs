// A Rust toolchain that is new enough: one that is there; else a rustup that is there brings one; else rustup itself
// is fetched into a folder of ours. Where none of that can be done, says what is missing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, which } from '../../lib/process.mjs';
import { cargos, findCargo, neededRust, ownRust, ownRustEnv } from '../../lib/rust.mjs';
import { SetupError, say } from '../index.mjs';

export const name = 'Rust';
export const purposes = ['run', 'test'];

const installer = 'https://sh.rustup.rs';
const installArguments = ['--profile', 'minimal', '--component', 'clippy', '--component', 'rustfmt'];

export function check() {
  return findCargo() === null ? `no Rust ${neededRust()} or newer` : null;
}

// Tries one way; a way that fails is told, and the next one is tried.
async function attempt(what, action) {
  try {
    say(what);
    await action();
  } catch (error) {
    say(`that failed: ${error.message}`);
  }
  return findCargo() !== null;
}

// The user's own rustup keeps its homes; a toolchain more does not change which is the default one.
async function withRustup() {
  await run('rustup', ['toolchain', 'install', 'stable', ...installArguments]);
}

async function withInstaller() {
  const answer = await fetch(installer, { signal: AbortSignal.timeout(20_000) });
  if (!answer.ok) throw new Error(`${installer} answered ${answer.status}`);
  mkdirSync(ownRust, { recursive: true });
  const script = join(ownRust, 'rustup-init.sh');
  writeFileSync(script, await answer.text());
  const args = ['-y', '--no-modify-path', '--default-toolchain', 'stable', ...installArguments];
  await run('sh', [script, ...args], { env: ownRustEnv });
}

export async function apply() {
  if (which('rustup') !== null && (await attempt('asking rustup for a stable toolchain', withRustup))) return;
  if (await attempt('fetching rustup into a folder of its own', withInstaller)) return;
  const found = cargos().map(({ path, version }) => `${path} is ${version}`);
  throw new SetupError(
    `Rust ${neededRust()} or newer is needed; found ${found.join(', ') || 'none'}`,
    'Install it from rustup.rs, or a newer package of your system (names like cargo-1.89), and run this again. ' +
      'CARGO=/path/to/cargo names one that lies elsewhere.',
  );
}
