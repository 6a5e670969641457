// The Rust crates' own tests.
import { capture } from '../lib/process.mjs';
import { cargoEnv, cargoTargetDir, checkedBuild, findCargo, workspace } from '../lib/rust.mjs';

export const name = 'rust';

const summary = /^test result: \w+\. (\d+) passed; (\d+) failed/gm;

export async function run(check) {
  const cargo = findCargo();
  const place = ['--manifest-path', workspace, '--target-dir', cargoTargetDir];
  const scope = ['--workspace', '--locked', '--no-fail-fast'];
  const result = await capture(cargo, ['test', ...checkedBuild, ...scope, ...place], {
    env: { ...cargoEnv(cargo), CARGO_TERM_COLOR: 'never' },
    timeoutSeconds: 900,
  });
  let failures = 0;
  for (const [, passed, failed] of result.stdout.matchAll(summary)) {
    check.count(Number(passed), Number(failed));
    failures += Number(failed);
  }
  if (failures > 0) console.log(result.stdout.slice(-12000));
  else if (result.code !== 0) check('cargo test ended with status 0', false, result.stderr.slice(-6000));
}
