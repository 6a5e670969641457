// Steps whose failure stops nobody: a command that follows soon after does not try the same again.
import { readStamp, writeStamp } from '../lib/hash.mjs';

const PAUSE_MS = 10 * 60 * 1000;

export function failedLately(stamp, key) {
  const [failedKey, at] = readStamp(stamp).split(' ');
  return failedKey === key && Date.now() - Number(at) < PAUSE_MS;
}

export function rememberFailure(stamp, key) {
  writeStamp(stamp, `${key} ${Date.now()}`);
}
