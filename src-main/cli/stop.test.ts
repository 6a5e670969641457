import { afterEach, expect, it, vi } from 'vitest';
import { listenForStop } from './stop.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('leaves a job that does not come back within two seconds, with a last word', () => {
  vi.useFakeTimers();
  const said: string[] = [];
  vi.spyOn(process, 'exit').mockImplementation((status) => {
    said.push(`exit ${String(status)}`);
    return undefined as never;
  });
  const stop = listenForStop(() => said.push('cancelled'));
  const asked = vi.fn();
  stop.onAsked(asked);
  process.emit('SIGINT');
  expect(asked).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(said).toEqual(['cancelled', 'exit 130']);
  stop.close();
});

it('leaves at once when asked twice, and not at all when the job came back', () => {
  vi.useFakeTimers();
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const stop = listenForStop(vi.fn());
  process.emit('SIGINT');
  process.emit('SIGINT');
  expect(exit).toHaveBeenCalledOnce();
  stop.close();
  vi.advanceTimersByTime(5000);
  expect(exit).toHaveBeenCalledOnce();
});
