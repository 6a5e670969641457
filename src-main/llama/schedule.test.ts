import { describe, expect, it } from 'vitest';
import {
  emptySchedule,
  enqueue,
  left,
  PATIENCE,
  type Schedule,
  served,
  started,
  swapped,
  type Ticket,
  turn,
} from './schedule.ts';

const ticket = (id: string, more: Partial<Ticket> = {}): Ticket => ({
  id,
  model: 'm',
  conversation: null,
  priority: 0,
  ...more,
});
const ready = (slots: number): Schedule => swapped(emptySchedule(slots), 'm');
const queue = (state: Schedule, ...tickets: Ticket[]): Schedule => tickets.reduce(enqueue, state);

// Starts all that can be started; gives their names.
function run(state: Schedule): { state: Schedule; begun: string[] } {
  const begun: string[] = [];
  for (let next = turn(state); next?.type === 'start'; next = turn(state)) {
    begun.push(`${next.ticket.id}@${next.slot}`);
    state = started(state, next.ticket, next.slot);
  }
  return { state, begun };
}

describe('slots', () => {
  it('take as many requests as there are', () => {
    const { begun, state } = run(queue(ready(2), ticket('a'), ticket('b'), ticket('c')));
    expect(begun).toEqual(['a@0', 'b@1']);
    expect(run(left(state, 'b')).begun).toEqual(['c@1']);
  });

  it('are kept for the conversation whose turns they have read', () => {
    let { state } = run(
      queue(ready(3), ticket('a1', { conversation: 'a' }), ticket('b1', { conversation: 'b' })),
    );
    state = left(left(state, 'a1'), 'b1');
    expect(
      run(queue(state, ticket('b2', { conversation: 'b' }), ticket('a2', { conversation: 'a' }))).begun,
    ).toEqual(['b2@1', 'a2@0']);
    expect(run(queue(state, ticket('c1', { conversation: 'c' }))).begun).toEqual(['c1@2']);
  });

  it('overwrite single questions first, then the conversation that rested longest', () => {
    let { state } = run(queue(ready(2), ticket('a1', { conversation: 'a' }), ticket('single')));
    state = left(left(state, 'a1'), 'single');
    expect(run(queue(state, ticket('b1', { conversation: 'b' }))).begun).toEqual(['b1@1']);
    state = left(run(queue(state, ticket('b1', { conversation: 'b' }))).state, 'b1');
    expect(run(queue(state, ticket('c1', { conversation: 'c' }))).begun).toEqual(['c1@0']);
  });

  it('are empty after a swap', () => {
    const { state } = run(queue(ready(2), ticket('a1', { conversation: 'a' })));
    expect(swapped(left(state, 'a1'), 'n').slots.every(({ conversation }) => conversation === null)).toBe(
      true,
    );
  });
});

describe('order', () => {
  it('goes by priority, then by what a conversation has had', () => {
    let state = run(queue(ready(1), ticket('x', { conversation: 'long' }))).state;
    state = served(state, ticket('x', { conversation: 'long' }), 100);
    state = queue(
      state,
      ticket('low', { priority: -1 }),
      ticket('y', { conversation: 'long' }),
      ticket('new', { conversation: 'n' }),
      ticket('high', { priority: 3 }),
    );
    state = left(state, 'x');
    const order: string[] = [];
    for (let next = turn(state); next?.type === 'start'; next = turn(state)) {
      order.push(next.ticket.id);
      state = left(started(state, next.ticket, next.slot), next.ticket.id);
    }
    expect(order).toEqual(['high', 'y', 'new', 'low']);
  });

  it('who had much waits for who had little', () => {
    let state = queue(ready(1), ticket('a', { conversation: 'a' }), ticket('b', { conversation: 'b' }));
    state = run(state).state;
    state = left(served(state, ticket('a', { conversation: 'a' }), 50), 'a');
    state = queue(state, ticket('a2', { conversation: 'a' }));
    expect(run(state).begun).toEqual(['b@0']);
  });

  it('starves nobody: a low priority is served after so many others', () => {
    let state = queue(ready(1), ticket('low', { priority: -5 }));
    let before = 0;
    for (; before < 100; before++) {
      state = enqueue(state, ticket(`high${before}`, { priority: 5 }));
      const next = turn(state);
      if (next?.type !== 'start' || next.ticket.id === 'low') break;
      state = left(started(state, next.ticket, next.slot), next.ticket.id);
    }
    expect(before).toBe(PATIENCE);
  });
});

describe('several models', () => {
  it('finishes what can be served by the one that is loaded first', () => {
    let state = queue(ready(1), ticket('a'), ticket('b', { model: 'n' }), ticket('c'));
    const order: string[] = [];
    for (let next = turn(state); next !== null; next = turn(state)) {
      if (next.type === 'swap') {
        order.push(`swap ${next.model}`);
        state = swapped(state, next.model);
      } else {
        order.push(next.ticket.id);
        state = left(started(state, next.ticket, next.slot), next.ticket.id);
      }
    }
    expect(order).toEqual(['a', 'c', 'swap n', 'b']);
  });

  it('swaps when nothing runs any more, and starts nothing in between', () => {
    const { state } = run(queue(ready(2), ticket('a')));
    const waiting = queue(state, ticket('b', { model: 'n', priority: 1 }), ticket('c'));
    expect(turn(waiting)).toBeNull();
    expect(turn(left(waiting, 'a'))).toEqual({ type: 'swap', model: 'n' });
  });

  it('is not starved by the one that is loaded', () => {
    let state = queue(ready(1), ticket('other', { model: 'n' }));
    let before = 0;
    for (; before < 100; before++) {
      state = enqueue(state, ticket(`here${before}`));
      const next = turn(state);
      if (next?.type !== 'start') break;
      state = left(started(state, next.ticket, next.slot), next.ticket.id);
    }
    expect(before).toBe(PATIENCE);
  });
});

// Eight conversations on four slots, answers of different lengths: what each gets differs by less than a tenth.
it('shares by tokens', () => {
  let state = ready(4);
  const tokens = new Map<string, number>();
  const left_ = new Map<string, { ticket: Ticket; tokens: number }>();
  const lengthOf = (name: number): number => 20 + name * 10;
  for (let name = 0; name < 8; name++)
    state = enqueue(state, ticket(`${name}-0`, { conversation: `${name}` }));
  let count = 8;
  for (let tick = 0; tick < 20000; tick++) {
    for (let next = turn(state); next?.type === 'start'; next = turn(state)) {
      state = started(state, next.ticket, next.slot);
      left_.set(next.ticket.id, { ticket: next.ticket, tokens: lengthOf(Number(next.ticket.conversation)) });
    }
    for (const [id, running] of [...left_]) {
      const conversation = running.ticket.conversation ?? '';
      state = served(state, running.ticket, 1);
      tokens.set(conversation, (tokens.get(conversation) ?? 0) + 1);
      running.tokens--;
      if (running.tokens > 0) continue;
      left_.delete(id);
      state = enqueue(left(state, id), ticket(`${conversation}-${count++}`, { conversation }));
    }
  }
  const counts = [...tokens.values()];
  expect(counts.length).toBe(8);
  expect(Math.min(...counts) / Math.max(...counts)).toBeGreaterThan(0.9);
});

it('refuses an id that is in use', () => {
  expect(() => queue(ready(1), ticket('a'), ticket('a'))).toThrow(/already/);
});
