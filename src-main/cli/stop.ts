// Ctrl-C: the first asks the running job to stop, so that it frees the device and leaves nothing half written.
import { Status } from '../../src-preload/contract/errors.ts';

export interface Stop {
  readonly asked: boolean;
  // Called once, at once if it was asked already. Returns the function that ends the subscription.
  onAsked(listener: () => void): () => void;
}

// A job that does not come back is left: the promise is two seconds.
const PATIENCE_MS = 1800;

// `last`: says for the last time what happened, before a job that does not come back is left.
// `ask` is a Ctrl-C of our own, and may be called any number of times.
export function listenForStop(last: () => void): Stop & { ask(): void; close(): void } {
  const listeners = new Set<() => void>();
  let asked = false;
  let timer: NodeJS.Timeout | undefined;
  const abandon = (): void => {
    last();
    process.exit(Status.cancelled);
  };
  const onSignal = (): void => {
    if (asked) {
      abandon();
      return;
    }
    asked = true;
    timer = setTimeout(abandon, PATIENCE_MS);
    timer.unref();
    for (const listener of listeners) listener();
    listeners.clear();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get asked() {
      return asked;
    },
    onAsked(listener) {
      if (asked) listener();
      else listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ask() {
      if (!asked) onSignal();
    },
    close() {
      clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
