// Ctrl-C: the first asks the running job to stop, so that it frees the device and leaves nothing half written.
import { Status } from '../../src-preload/contract/errors.ts';

export interface Stop {
  readonly asked: boolean;
  // Called once, at once if it was asked already. Returns the function that ends the subscription.
  onAsked(listener: () => void): () => void;
}

// A job that does not come back is left: the promise is two seconds.
const PATIENCE_MS = 1800;

export function listenForStop(): Stop & { close(): void } {
  const listeners = new Set<() => void>();
  let asked = false;
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    if (asked) process.exit(Status.cancelled);
    asked = true;
    timer = setTimeout(() => process.exit(Status.cancelled), PATIENCE_MS);
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
    close() {
      clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
