// Gives leases.ts its memory and its voice: holders wait for a promise, and are told when they are to let go.
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import {
  decide,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type LeaseState,
  noLeases,
  wouldRevoke,
} from './leases.ts';

export interface HeldLease {
  readonly bytes: number;
  release(): void; // once; later calls do nothing
}

interface Waiter {
  resolve(lease: Lease): void;
  reject(error: SluiceError): void;
  onRevoke(): void;
}

export class Arbiter {
  #state: LeaseState = noLeases;
  #waiters = new Map<string, Waiter>();
  #lastId = 0;
  #listeners = new Set<() => void>();

  get state(): LeaseState {
    return this.#state;
  }

  setPool(name: string, bytes: number): void {
    this.#apply({ type: 'pool', name, bytes });
  }

  // Hears of every change of the state. Returns the function that ends the subscription.
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Who would be asked to let go for this request, were it made now: to be told before.
  inTheWay(wanted: Omit<LeaseRequest, 'id'>): Lease[] {
    return wouldRevoke(this.#state, { ...wanted, id: 'asked before' });
  }

  // Waits until there is room. `onRevoke` asks the holder to let go soon; it is free to finish what it is at first.
  // Rejects when the pool will never have so much, or when `signal` gives up.
  async acquire(
    wanted: Omit<LeaseRequest, 'id'>,
    onRevoke: () => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<HeldLease> {
    const id = `lease-${++this.#lastId}`;
    const granted = new Promise<Lease>((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject, onRevoke });
    });
    const giveUp = (): void => {
      this.#waiters
        .get(id)
        ?.reject(
          new SluiceError(Status.cancelled, 'cancelled', `gave up waiting for memory for ${wanted.kind}`),
        );
      this.#release(id);
    };
    this.#apply({ type: 'request', request: { ...wanted, id } });
    if (signal?.aborted === true) giveUp();
    else signal?.addEventListener('abort', giveUp, { once: true });
    try {
      const { bytes } = await granted;
      return { bytes, release: () => this.#release(id) };
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  #release(id: string): void {
    this.#waiters.delete(id);
    this.#apply({ type: 'release', id });
  }

  #apply(event: LeaseEvent): void {
    const { state, verdicts } = decide(this.#state, event);
    const changed = state !== this.#state;
    this.#state = state;
    for (const verdict of verdicts) {
      if (verdict.type === 'grant') this.#waiters.get(verdict.lease.id)?.resolve(verdict.lease);
      else if (verdict.type === 'revoke') this.#waiters.get(verdict.id)?.onRevoke();
      else {
        this.#waiters
          .get(verdict.id)
          ?.reject(
            new SluiceError(
              Status.device,
              'memory-too-small',
              `more memory is needed than there is: ${verdict.bytes} bytes in all`,
            ),
          );
        this.#waiters.delete(verdict.id);
      }
    }
    if (changed) for (const listener of [...this.#listeners]) listener();
  }
}
