// The studio's processes, by what the system says of them.
import { readdirSync, readFileSync } from 'node:fs';

// Every process below `pid`: { pid, command }.
export function descendants(pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(/PPid:\s*(\d+)/.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))[1]);
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      children.set(parent, [...(children.get(parent) ?? []), { pid: Number(entry), command }]);
    } catch {
      // ended meanwhile
    }
  }
  const below = (parent) => (children.get(parent) ?? []).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

// The one that has the engine's addon open, or null.
export function paintingProcess(mainPid) {
  for (const { pid, command } of descendants(mainPid)) {
    try {
      if (
        command.includes('--type=utility') &&
        readFileSync(`/proc/${pid}/maps`, 'utf8').includes('sluice.node')
      )
        return pid;
    } catch {
      // ended meanwhile
    }
  }
  return null;
}

// The language model's server, or null.
export const languageServer = (mainPid) =>
  descendants(mainPid).find(({ command }) => /^\S*llama-server /.test(command))?.pid ?? null;

// A process that has ended and is not yet waited for has no command line.
export function isAlive(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}
