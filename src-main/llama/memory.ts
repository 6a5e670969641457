// How much of the host's memory a new process can have without others being pushed out.
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';

// Bytes. Linux counts what its caches would give back; elsewhere half of all is taken to be obtainable where less is
// unused, because "free" leaves the caches out.
export function availableMemory(): number {
  try {
    const found = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (found !== undefined) return Number(found) * 1024;
  } catch {
    // not Linux
  }
  return Math.max(freemem(), totalmem() / 2);
}
