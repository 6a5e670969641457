// Who may use how much of each memory pool (a GPU's, or the host's), as a pure function of state and event. Painting,
// MIDI and the language model ask here before they allocate; there is no other arbiter. `decide(state, event)` gives
// the next state and what is to be told: a grant, a wish that a holder let go, or a refusal.
// Not here: allocating, asking drivers, stopping anything.

export type LeaseKind = 'paint' | 'midi' | 'language';

export interface LeaseRequest {
  readonly id: string;
  readonly kind: LeaseKind;
  readonly pool: string; // a device's name, or "host"
  readonly wantBytes: number; // as much as would be of use
  readonly leastBytes: number; // less is of no use: 0 means "whatever is left, even nothing"
  readonly priority: number; // higher goes first
  readonly revocable: boolean; // may be asked to let go while it holds
}

export interface Lease extends LeaseRequest {
  readonly bytes: number;
  readonly revoking: boolean; // asked to let go, and has not yet
}

export interface LeaseState {
  readonly pools: ReadonlyMap<string, number>; // bytes in all
  readonly held: readonly Lease[];
  readonly waiting: readonly LeaseRequest[]; // by priority, then in the order in which they came
}

export type LeaseEvent =
  | { type: 'pool'; name: string; bytes: number } // found, or changed: other programs use memory too
  | { type: 'request'; request: LeaseRequest }
  | { type: 'release'; id: string }; // a holder lets go, or one that waits gives up

export type LeaseVerdict =
  | { type: 'grant'; lease: Lease }
  | { type: 'revoke'; id: string; for: string }
  | { type: 'refuse'; id: string; bytes: number }; // more than the pool will ever have: `bytes` in all

export interface LeaseDecision {
  state: LeaseState;
  verdicts: readonly LeaseVerdict[];
}

export const noLeases: LeaseState = { pools: new Map(), held: [], waiting: [] };

export function freeBytes(state: LeaseState, pool: string): number {
  const used = state.held.reduce((sum, lease) => (lease.pool === pool ? sum + lease.bytes : sum), 0);
  return Math.max(0, (state.pools.get(pool) ?? 0) - used);
}

// Grants to those who wait as long as the first of each pool can be served, and asks lower ones to make room for it.
// Nobody is served before a higher one that waits for the same pool, so the large are not starved by the small.
function settle(start: LeaseState): LeaseDecision {
  let state = start;
  const verdicts: LeaseVerdict[] = [];
  const blocked = new Set<string>();
  for (const request of start.waiting) {
    const withdraw = (): LeaseRequest[] => state.waiting.filter(({ id }) => id !== request.id);
    const inAll = state.pools.get(request.pool) ?? 0;
    if (request.leastBytes > inAll) {
      state = { ...state, waiting: withdraw() };
      verdicts.push({ type: 'refuse', id: request.id, bytes: inAll });
      continue;
    }
    if (blocked.has(request.pool)) continue;
    const free = freeBytes(state, request.pool);
    const lower = state.held.filter(
      (lease) => lease.pool === request.pool && lease.revocable && lease.priority < request.priority,
    );
    const reclaimable = lower.reduce((sum, lease) => sum + lease.bytes, 0);
    // What a lower one holds is worth waiting for: a job that starts with little stays slow to its end.
    if (free >= request.wantBytes || (free >= request.leastBytes && reclaimable === 0)) {
      const lease: Lease = { ...request, bytes: Math.min(free, request.wantBytes), revoking: false };
      state = { ...state, held: [...state.held, lease], waiting: withdraw() };
      verdicts.push({ type: 'grant', lease });
      continue;
    }
    blocked.add(request.pool);
    let missing = request.wantBytes - free;
    for (const lease of [...lower].sort((a, b) => a.priority - b.priority || b.bytes - a.bytes)) {
      if (missing <= 0) break;
      missing -= lease.bytes;
      if (lease.revoking) continue;
      state = {
        ...state,
        held: state.held.map((other) => (other.id === lease.id ? { ...other, revoking: true } : other)),
      };
      verdicts.push({ type: 'revoke', id: lease.id, for: request.id });
    }
  }
  return { state, verdicts };
}

// Whom this request would have asked to let go, were it made now.
export function wouldRevoke(state: LeaseState, request: LeaseRequest): Lease[] {
  const asked = decide(state, { type: 'request', request }).verdicts.flatMap((verdict) =>
    verdict.type === 'revoke' ? [verdict.id] : [],
  );
  return state.held.filter(({ id }) => asked.includes(id));
}

// The pool of a device, by the name that a driver or a server gives it: what they add in brackets differs.
export const poolOf = (device: string): string => device.replace(/\s*\([^)]*\)\s*$/, '').toLowerCase();

// An id that is used twice is a caller's mistake and throws; a release of what is not held changes nothing.
export function decide(state: LeaseState, event: LeaseEvent): LeaseDecision {
  switch (event.type) {
    case 'pool':
      return settle({ ...state, pools: new Map(state.pools).set(event.name, event.bytes) });
    case 'request': {
      const { request } = event;
      if ([...state.held, ...state.waiting].some(({ id }) => id === request.id))
        throw new Error(`a lease with the id ${request.id} is held or waited for already`);
      const at = state.waiting.findIndex(({ priority }) => priority < request.priority);
      const waiting = [...state.waiting];
      waiting.splice(at < 0 ? waiting.length : at, 0, request);
      return settle({ ...state, waiting });
    }
    case 'release': {
      const keep = ({ id }: { id: string }): boolean => id !== event.id;
      const held = state.held.filter(keep);
      const waiting = state.waiting.filter(keep);
      if (held.length === state.held.length && waiting.length === state.waiting.length)
        return { state, verdicts: [] };
      return settle({ ...state, held, waiting });
    }
  }
}
