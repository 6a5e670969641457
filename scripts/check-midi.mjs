#!/usr/bin/env node
// The MIDI crate under tools that no suite has the time for. By command only:
//   node scripts/check-midi.mjs [miri] [address] [thread] [memory] [arm] [cases]      default: all
// miri     memory, threads and kernels under Rust's interpreter: undefined behaviour, races (minutes)
// address  all its tests under the address and leak sanitizers
// thread   threads and shared models under the thread sanitizer, the standard library too
// memory   the C program, two models on two threads, under valgrind
// arm      its tests for 64-bit ARM, so with the NEON kernels, under qemu
// cases    a million damaged files and rows to what parses
// Needs rustup with a nightly toolchain (`rustup toolchain install nightly --component miri,rust-src`); for arm
// `rustup target add aarch64-unknown-linux-gnu` and Debian's qemu-user, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross; for
// memory valgrind and the native build (./sluice makes it).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDir, nativeBuildDir, root } from './lib/paths.mjs';
import { cargoTargetDir, checkedBuild, workspace } from './lib/rust.mjs';

const host = 'x86_64-unknown-linux-gnu';
const arm = 'aarch64-unknown-linux-gnu';
const armLinker = 'aarch64-linux-gnu-gcc';
const place = ['-p', 'skytnt-midi', '--manifest-path', workspace];

function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) console.error(`${program} cannot be started: ${error.message}`);
  return status === 0;
}

// Builds for different tools share nothing.
const cargo = (tool, args, env = {}) =>
  run('cargo', args, { CARGO_TARGET_DIR: join(buildDir, 'check-midi', tool), ...env });

function memory() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-valgrind-'));
  const model = join(root, 'resources', 'models', 'midi-small');
  const seed = join(root, 'native', 'midi', 'testdata', 'running.mid');
  const program = join(nativeBuildDir, 'midi', 'examples', 'midi_compose');
  const flags = ['--error-exitcode=9', '--leak-check=full', '--errors-for-leak-kinds=definite'];
  try {
    if (!run('cmake', ['--build', nativeBuildDir, '--target', 'midi_compose'])) return false;
    return run('valgrind', [...flags, program, model, seed, join(folder, 'out.mid'), '6', model]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const checks = {
  miri: () =>
    cargo('miri', ['+nightly', 'miri', 'test', ...place, '--lib', '--', 'arena', 'pool', 'kernels'], {
      MIRIFLAGS: '-Zmiri-disable-isolation -Zmiri-strict-provenance',
    }),
  address: () =>
    cargo('address', ['+nightly', 'test', ...place, '--target', host], { RUSTFLAGS: '-Zsanitizer=address' }),
  thread: () =>
    cargo(
      'thread',
      [
        ...['+nightly', 'test', ...place, '--target', host, '-Zbuild-std', '--lib', '--test', 'models'],
        ...['--', 'pool', 'threads'],
      ],
      { RUSTFLAGS: '-Zsanitizer=thread' },
    ),
  memory,
  // Without the published shape, which takes qemu many minutes.
  arm: () =>
    cargo(
      'arm',
      [
        ...['test', ...place, '--target', arm, '--lib', '--test', 'goldens', '--test', 'files'],
        ...['--', '--skip', 'published'],
      ],
      {
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: armLinker,
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER: 'qemu-aarch64 -L /usr/aarch64-linux-gnu',
      },
    ),
  // Optimised, and with overflow checks, as the suite's tests are.
  cases: () =>
    cargo('cases', ['test', ...checkedBuild, ...place, '--test', 'random_input'], {
      CARGO_TARGET_DIR: cargoTargetDir,
      MIDI_CASES: '1000000',
    }),
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(checks);
const unknown = wanted.filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(`expected ${Object.keys(checks).join(', ')}, found ${unknown.join(', ')}`);
  process.exit(2);
}
const results = wanted.map((name) => {
  const began = performance.now();
  console.log(`\n== ${name}`);
  const passed = checks[name]();
  return `${name}: ${passed ? 'passed' : 'FAILED'} in ${((performance.now() - began) / 1000).toFixed(0)} s`;
});
console.log(`\n${results.join('\n')}`);
process.exitCode = results.some((line) => line.includes('FAILED')) ? 1 : 0;
