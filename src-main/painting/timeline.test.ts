import { describe, expect, it } from 'vitest';
import { timelineOf } from './timeline.ts';

const event = (tid: number, seconds: number, length: number, bytes?: number) => ({
  ...{ ph: 'X', pid: 1, tid, name: 'block', ts: seconds * 1e6, dur: length * 1e6 },
  args: bytes === undefined ? { gflop: 1 } : { bytes },
});
const trace = (...events: object[]): string =>
  JSON.stringify({ traceEvents: [{ ph: 'M', pid: 1, tid: 1, name: 'thread_name', args: {} }, ...events] });

describe('a run as a timeline', () => {
  it('says how much of the copies was hidden behind compute', () => {
    // Copies 0 to 2 and 5 to 6, of which compute (1 to 4) covers one second; two copies overlap each other.
    const run = timelineOf(
      trace(event(1, 0, 2, 100), event(1, 0.5, 1, 50), event(2, 1, 3), event(1, 5, 1, 7), event(2, 7, 5)),
    );
    expect(run).toMatchObject({ seconds: 12, copySeconds: 3, computeSeconds: 8, hiddenSeconds: 1 });
    expect(run?.copiedBytes).toBe(157);
  });

  it('divides the run into equal parts', () => {
    const run = timelineOf(trace(event(1, 0, 6, 1), event(2, 6, 6)));
    const [first = [], second = []] = [run?.copies, run?.compute];
    expect(first).toHaveLength(240);
    expect(first.slice(0, 120).every((share) => Math.abs(share - 1) < 1e-9)).toBe(true);
    expect(first.slice(120).every((share) => share < 1e-9)).toBe(true);
    expect(second.every((share, i) => Math.abs(share - (i < 120 ? 0 : 1)) < 1e-9)).toBe(true);
  });

  it('has nothing to show of nothing, and refuses what is no trace', () => {
    expect(timelineOf(trace())).toBeNull();
    expect(() => timelineOf('{"traceEvents": 3}')).toThrow();
    expect(() => timelineOf('half a fi')).toThrow();
  });
});
