// Whose turn it is, and on which of the server's slots, as pure functions of a state. Slots keep what they have read,
// so a conversation goes back to its own; conversations share by tokens served, not by how many requests they send.
// Not here: HTTP, processes, clocks.

export interface Ticket {
  readonly id: string;
  readonly model: string;
  readonly conversation: string | null; // null: a single question
  readonly priority: number; // higher first
}

interface Waiting extends Ticket {
  readonly order: number;
  readonly passed: number; // how many that came later were started before it
}

export interface Slot {
  readonly conversation: string | null; // whose turns its cache holds
  readonly usedAt: number; // a count, not a clock; 0: never
  readonly ticket: string | null; // running on it
}

export interface Schedule {
  readonly model: string | null; // that the slots belong to
  readonly slots: readonly Slot[];
  readonly waiting: readonly Waiting[];
  readonly running: ReadonlyMap<string, Ticket>;
  readonly served: ReadonlyMap<string, number>; // tokens by conversation
  readonly count: number;
}

export type Turn =
  | { type: 'start'; ticket: Ticket; slot: number }
  | { type: 'swap'; model: string } // no slot runs: load this one, then `swapped`
  | null;

// After so many were let past it, a request goes next whatever its priority or model.
export const PATIENCE = 16;

const emptySlot: Slot = { conversation: null, usedAt: 0, ticket: null };

export function emptySchedule(slots: number): Schedule {
  return {
    model: null,
    slots: Array.from({ length: slots }, () => emptySlot),
    waiting: [],
    running: new Map(),
    served: new Map(),
    count: 0,
  };
}

// A single question is a conversation of its own.
const shareOf = (ticket: Ticket): string => ticket.conversation ?? `#${ticket.id}`;

// Shares of conversations that rest are forgotten beyond this many.
const REMEMBERED = 256;

export function enqueue(state: Schedule, ticket: Ticket): Schedule {
  if (state.running.has(ticket.id) || state.waiting.some(({ id }) => id === ticket.id))
    throw new Error(`a request with the id ${ticket.id} waits or runs already`);
  const share = shareOf(ticket);
  const served = new Map(state.served);
  // Who comes, or comes back, is level with the active one that had least: idling saves nothing up.
  const active = [...state.running.values(), ...state.waiting].map(
    (other) => served.get(shareOf(other)) ?? 0,
  );
  served.set(share, Math.max(served.get(share) ?? 0, active.length === 0 ? 0 : Math.min(...active)));
  const waiting = [...state.waiting, { ...ticket, order: state.count, passed: 0 }];
  return { ...state, waiting, served, count: state.count + 1 };
}

function better(state: Schedule, a: Waiting, b: Waiting): number {
  const tired = (ticket: Waiting): number => (ticket.passed >= PATIENCE ? 1 : 0);
  const had = (ticket: Waiting): number => state.served.get(shareOf(ticket)) ?? 0;
  if (tired(a) !== tired(b)) return tired(b) - tired(a);
  if (tired(a) === 1) return a.order - b.order;
  return b.priority - a.priority || had(a) - had(b) || a.order - b.order;
}

function pickSlot(state: Schedule, ticket: Ticket): number {
  const free = state.slots
    .map((slot, index) => ({ ...slot, index }))
    .filter(({ ticket: runs }) => runs === null);
  const own = free.find(({ conversation }) => conversation !== null && conversation === ticket.conversation);
  if (own !== undefined) return own.index;
  // What nobody will come back to is overwritten first, then what was used longest ago.
  const byWorth = free.sort(
    (a, b) => Number(a.conversation !== null) - Number(b.conversation !== null) || a.usedAt - b.usedAt,
  );
  return byWorth[0]?.index ?? -1;
}

// What to do now, or null: nothing waits, or there is no room. Does not change the state; `started` and `swapped` do.
export function turn(state: Schedule): Turn {
  const sorted = [...state.waiting].sort((a, b) => better(state, a, b));
  const [first] = sorted;
  if (first === undefined) return null;
  let chosen = first;
  if (first.model !== state.model && first.passed < PATIENCE) {
    // Loading costs seconds: who can be served without it goes first, unless it matters less.
    const here = sorted.find(({ model, priority }) => model === state.model && priority >= first.priority);
    if (here !== undefined) chosen = here;
  }
  if (chosen.model !== state.model)
    return state.running.size === 0 ? { type: 'swap', model: chosen.model } : null;
  const slot = pickSlot(state, chosen);
  return slot < 0 ? null : { type: 'start', ticket: chosen, slot };
}

export function started(state: Schedule, ticket: Ticket, slot: number): Schedule {
  const at = state.waiting.find(({ id }) => id === ticket.id)?.order ?? 0;
  const waiting = state.waiting
    .filter(({ id }) => id !== ticket.id)
    .map((other) => (other.order < at ? { ...other, passed: other.passed + 1 } : other));
  const slots = state.slots.map((old, index) =>
    index === slot ? { conversation: ticket.conversation, usedAt: state.count + 1, ticket: ticket.id } : old,
  );
  return {
    ...state,
    waiting,
    slots,
    running: new Map(state.running).set(ticket.id, ticket),
    count: state.count + 1,
  };
}

// Another model, or another process of the same: all slots are empty.
export function swapped(state: Schedule, model: string): Schedule {
  return { ...state, model, slots: state.slots.map(({ ticket }) => ({ ...emptySlot, ticket })) };
}

// While it runs: tokens count at once, so that a long answer does not look like none.
export function served(state: Schedule, ticket: Ticket, tokens: number): Schedule {
  const share = shareOf(ticket);
  const had = state.served.get(share);
  return had === undefined ? state : { ...state, served: new Map(state.served).set(share, had + tokens) };
}

// It has ended, or no longer waits.
export function left(state: Schedule, id: string): Schedule {
  const running = new Map(state.running);
  running.delete(id);
  const next: Schedule = {
    ...state,
    running,
    waiting: state.waiting.filter((ticket) => ticket.id !== id),
    slots: state.slots.map((slot) => (slot.ticket === id ? { ...slot, ticket: null } : slot)),
  };
  if (next.served.size <= REMEMBERED) return next;
  const active = new Set([...next.running.values(), ...next.waiting].map(shareOf));
  const resting = [...next.served.keys()].filter((share) => !active.has(share));
  const forgotten = new Set(resting.slice(0, next.served.size - REMEMBERED));
  return { ...next, served: new Map([...next.served].filter(([share]) => !forgotten.has(share))) };
}
