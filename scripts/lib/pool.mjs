// Runs work side by side, as many pieces at a time as the machine has cores: most tests on a CPU device keep one busy.
import { availableParallelism } from 'node:os';

// `work(item)` for every item; begun in order, `atOnce` at a time. Rejects with the first failure, after those under way
// have ended.
export async function sideBySide(items, work, atOnce = Math.min(4, availableParallelism())) {
  const waiting = [...items];
  const running = new Set();
  const failures = [];
  while (waiting.length > 0 || running.size > 0) {
    while (waiting.length > 0 && failures.length === 0 && running.size < atOnce) {
      const item = waiting.shift();
      const one = (async () => work(item))()
        .catch((error) => failures.push(error))
        .finally(() => running.delete(one));
      running.add(one);
    }
    if (running.size === 0) break;
    await Promise.race(running);
  }
  if (failures.length > 0) throw failures[0];
}
