import { describe, expect, it } from 'vitest';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { duration, Output, progressText } from './output.ts';

function capture(json: boolean, isTTY = false, columns = 60) {
  const written = { out: '', err: '' };
  const output = new Output(json, {
    out: { write: (text: string) => (written.out += text) },
    err: { write: (text: string) => (written.err += text), isTTY, columns },
  });
  return { output, written };
}

const step = (n: number) => ({ stage: 'sample', step: n, steps: 4, seconds: 1 + n });

describe('with --json', () => {
  it('standard output carries one object a line and nothing else', () => {
    const { output, written } = capture(true);
    output.progress(step(1));
    output.log('a word to people');
    output.event('preview', { step: 1 });
    output.done({ seed: 3 }, ['never printed']);
    const events = written.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(events).toEqual([
      { event: 'progress', ...step(1) },
      { event: 'preview', step: 1 },
      { event: 'done', seed: 3 },
    ]);
    expect(written.err).toBe('a word to people\n');
  });

  it('a failure is an event and an exit status', () => {
    const { output, written } = capture(true);
    const error = new SluiceError(Status.device, 'budget-too-small', 'too small', 'take 80 MiB');
    expect(output.failed(error)).toBe(4);
    expect(JSON.parse(written.out)).toEqual({
      event: 'error',
      code: 'budget-too-small',
      message: 'too small',
      hint: 'take 80 MiB',
    });
  });
});

describe('for people', () => {
  it('draws one bar over the other on a terminal, within its width', () => {
    const { output, written } = capture(false, true);
    output.progress(step(0));
    output.progress(step(2));
    output.done({}, ['picture.png']);
    expect(written.out).toBe('picture.png\n');
    const bars = written.err.split('\r\x1b[2K').filter((text) => text !== '');
    expect(bars[1]).toMatch(/^\[#{12}\.{12}\] sample 2\/4/);
    expect(Math.max(...bars.map((bar) => bar.length))).toBeLessThan(60);
    expect(written.err).not.toContain('\n');
  });

  it('draws the whole bar on a terminal of unknown width', () => {
    const { output, written } = capture(false, true, 0);
    output.progress(step(0));
    expect(written.err).toBe(`\r\x1b[2K[${'.'.repeat(24)}] sample 0/4`);
  });

  it('prints plain lines elsewhere', () => {
    const { output, written } = capture(false);
    output.progress(step(0));
    output.progress(step(2));
    output.progress(step(2));
    expect(written.err).toBe('sample 0/4\nsample 2/4  1.0 s each  2.0 s left\n');
  });
});

describe('progressText', () => {
  it('tells rate and time left, counted from the stage’s begin', () => {
    expect(progressText({ stage: 'sample', step: 2, steps: 4, seconds: 5 }, 1)).toBe(
      'sample 2/4  2.0 s each  4.0 s left',
    );
    expect(progressText({ stage: 'sample', step: 20, steps: 40, seconds: 1 }, 0)).toBe(
      'sample 20/40  20.0 a second  1.0 s left',
    );
  });
  it('promises nothing before the first step and after the last', () => {
    expect(progressText({ stage: 'load', step: 0, steps: 4, seconds: 5 }, 5)).toBe('load 0/4');
    expect(progressText({ stage: 'load', step: 4, steps: 4, seconds: 9 }, 5)).toBe('load 4/4  1.0 s each');
  });
});

it('words durations', () => {
  expect([0.04, 9.94, 59, 61, 3599].map(duration)).toEqual([
    '0.0 s',
    '9.9 s',
    '59 s',
    '1 min 1 s',
    '59 min 59 s',
  ]);
});
