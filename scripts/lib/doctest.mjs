// Runs the C++ tests and reads doctest's closing counts.
import { existsSync } from 'node:fs';
import { capture } from './process.mjs';

const summary = /\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed/;

// Counts every test case in `check`; a crash (no summary) is one failure. Returns the whole output.
export async function runDoctest(check, program, { args = [], timeoutSeconds = 1800, ...options } = {}) {
  if (!existsSync(program)) {
    check(`${program} was built`, false);
    return '';
  }
  const result = await capture(program, ['--no-colors=true', ...args], { timeoutSeconds, ...options });
  const output = result.stdout + result.stderr;
  const found = summary.exec(result.stdout);
  if (found === null) {
    const ended = result.signal ?? `status ${result.code}`;
    check(`the C++ tests ran to their end (${ended})`, false, output.slice(-6000));
    return output;
  }
  const [passed, failed] = [Number(found[2]), Number(found[3])];
  if (passed + failed === 0) check(`${args.join(' ')} chose a test`, false);
  check.count(passed, failed);
  if (failed > 0) check.output(output.slice(-12000));
  else if (result.code !== 0) check('the C++ tests ended with status 0', false, output.slice(-6000));
  check.note(`${found[0]}, ${result.seconds.toFixed(1)} s ${args.join(' ')}`);
  return output;
}

// The arguments of several processes that share the test cases: one for each of `parts` (doctest's patterns of them), before
// them one for all others. `skip`: patterns left out; `always`: one that every process runs at its end.
export function doctestParts(parts, { skip = [], always }) {
  const runs = parts.map((part) => [`--test-case=${[part, always].join(',')}`]);
  return [[`--test-case-exclude=${[...parts, ...skip].join(',')}`], ...runs];
}
