// Runs work side by side, as many pieces at a time as the machine has cores: most tests on a CPU device keep one busy.
import { availableParallelism } from 'node:os';

// `work(item)` for every item; begun in order. Rejects with the first failure, after those under way have ended.
export async function sideBySide(items, work, atOnce = Math.min(4, availableParallelism())) {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  const results = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
