// rustfmt and clippy over the Rust crates; every warning is a finding.
import { capture } from '../lib/process.mjs';
import { cargoEnv, cargoTargetDir, checkedBuild, findCargo, workspace } from '../lib/rust.mjs';

export const title = 'rustfmt and clippy';

async function cargo(args) {
  const program = findCargo();
  if (program === null) return { code: 1, stdout: '', stderr: 'no cargo: npm start sets one up' };
  return capture(program, args, { env: { ...cargoEnv(program), CARGO_TERM_COLOR: 'never' } });
}

export async function problems() {
  const format = await cargo(['fmt', '--all', '--manifest-path', workspace, '--', '--check', '-l']);
  const files = format.stdout.split('\n').filter(Boolean);
  const unformatted = files.map((file) => `${file} is not formatted: run cargo fmt in native`);
  if (format.code !== 0 && files.length === 0) unformatted.push(format.stderr);

  const scope = ['--workspace', '--all-targets', '--locked', '--quiet', '--message-format', 'short'];
  const place = ['--manifest-path', workspace, '--target-dir', cargoTargetDir];
  const clippy = await cargo(['clippy', ...checkedBuild, ...place, ...scope, '--', '-D', 'warnings']);
  const warnings = clippy.code === 0 ? [] : clippy.stderr.split('\n').filter(Boolean);
  return [...unformatted, ...warnings];
}
