// Compilers, headers and drivers from the system: installed with apt when we are root on Debian or Ubuntu, named
// otherwise.
import { existsSync } from 'node:fs';
import { run } from '../../lib/process.mjs';
import { SetupError, say } from '../index.mjs';
import { missing } from '../system-needs.mjs';

export const name = 'system packages';
export const purposes = ['run', 'window', 'test'];

const canInstall = () => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
const blocking = (need) => need.essential !== false;

export function check(purpose) {
  const absent = missing(purpose);
  // Without the right to install, what is merely useful must not be asked for at each start.
  const relevant = canInstall() ? absent : absent.filter(blocking);
  return relevant.length === 0 ? null : `missing: ${relevant.map((need) => need.what).join(', ')}`;
}

function namesOf(list) {
  return [...new Set(list.map((need) => need.debian))].join(' ');
}

export async function apply(purpose) {
  const absent = missing(purpose);
  if (!canInstall()) {
    const blockers = absent.filter(blocking);
    throw new SetupError(
      `this machine lacks ${blockers.map((need) => need.what).join(', ')}`,
      `Install them and run this again. On Debian or Ubuntu: sudo apt-get install ${namesOf(absent)}`,
    );
  }
  const packages = namesOf(absent).split(' ');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  say(`installing ${packages.join(' ')} with apt-get`);
  try {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  } catch (cause) {
    if (absent.some(blocking)) {
      throw new SetupError(
        `apt-get could not install ${packages.join(' ')}: ${cause.message}`,
        `Install them by hand and run this again.`,
      );
    }
    say(`apt-get could not install ${packages.join(' ')}; going on without`);
  }
  const left = missing(purpose).filter(blocking);
  if (left.length > 0) {
    throw new SetupError(
      `still missing after apt-get install: ${left.map((need) => need.what).join(', ')}`,
      `Expected from the packages ${namesOf(left)}.`,
    );
  }
}
