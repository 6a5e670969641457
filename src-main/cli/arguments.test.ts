import { describe, expect, it } from 'vitest';
import { Status } from '../../src-preload/contract/errors.ts';
import { Flags, parse, readControl } from './arguments.ts';
import { paint } from './paint.ts';

const flags = (...args: string[]): Flags => new Flags(parse(paint, args));
const status = (value: number) => expect.objectContaining({ status: value }) as unknown;

describe('numbers', () => {
  const range = { min: 0, max: 10 };
  it('reads what is there and takes the default for what is not', () => {
    expect(flags('--cfg', '2.5').number('cfg', 7, range)).toBe(2.5);
    expect(flags().number('cfg', 7, range)).toBe(7);
    expect(flags('--steps', '3').whole('steps', 20, range)).toBe(3);
  });

  it.each(['', 'x', '1x', '0x10', 'NaN', 'Infinity', '1e', '--'])('calls "%s" wrong usage', (text) => {
    expect(() => flags(`--cfg=${text}`).number('cfg', 7, range)).toThrow(status(Status.usage));
  });

  it('takes a negative number as a value, and says how other values that begin with - are written', () => {
    expect(() => flags('--cfg', '-1').number('cfg', 7, range)).toThrow(status(Status.input));
    expect(() => flags('--prompt', '-x')).toThrow(/--prompt=-value|no value/);
  });

  it('calls a fraction of a whole number wrong usage', () => {
    expect(() => flags('--steps', '2.5').whole('steps', 20, range)).toThrow(status(Status.usage));
  });

  it('calls what is out of range bad input', () => {
    expect(() => flags('--cfg', '11').number('cfg', 7, range)).toThrow(status(Status.input));
    expect(() => flags('--cfg=-1').number('cfg', 7, range)).toThrow(status(Status.input));
  });
});

describe('sizes', () => {
  const square = { width: 512, height: 512 };
  it('reads WIDTHxHEIGHT', () => {
    expect(flags('--size', '640x384').size('size', square)).toEqual({ width: 640, height: 384 });
  });
  it.each(['640', 'x', '640x', '640x-8', 'ax8', '64 x 64'])('calls "%s" wrong usage', (text) => {
    expect(() => flags(`--size=${text}`).size('size', square)).toThrow(status(Status.usage));
  });
  it.each(['100x64', '64x100', '0x64'])('calls %s bad input', (text) => {
    expect(() => flags('--size', text).size('size', square)).toThrow(status(Status.input));
  });
  it('names the nearest size that works', () => {
    expect(() => flags('--size', '100x61').size('size', square)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('104x64') as unknown }) as Error,
    );
  });
});

describe('budgets', () => {
  it('are mebibytes', () => {
    expect(flags('--vram', '256').vram()).toBe(268435456);
    expect(flags('--vram', '0.5').vram()).toBe(524288);
    expect(flags().vram()).toBe(0);
  });
  it('are more than nothing', () => {
    expect(() => flags('--vram', '0').vram()).toThrow(status(Status.input));
  });
});

it('refuses flags that it does not know', () => {
  expect(() => parse(paint, ['--speed', '9'])).toThrow(status(Status.usage));
  expect(() => parse(paint, ['--prompt'])).toThrow(status(Status.usage));
});

describe('--control', () => {
  const read = (text: string) => readControl(text, { image: true });

  it('has defaults', () => {
    expect(read('canny=a.png')).toEqual({
      kind: 'canny',
      image: 'a.png',
      model: null,
      strength: 1,
      start: 0,
      end: 1,
    });
  });

  it('reads everything, in any order', () => {
    expect(read('canny=a.png,end=0.8,model=/m/c.safetensors,start=0.1,strength=0.5')).toMatchObject({
      image: 'a.png',
      model: '/m/c.safetensors',
      strength: 0.5,
      start: 0.1,
      end: 0.8,
    });
  });

  it('keeps commas and equals signs of paths', () => {
    expect(read('canny=/a,b=c.png,model=/m,n/c.safetensors')).toMatchObject({
      image: '/a,b=c.png',
      model: '/m,n/c.safetensors',
    });
  });

  it.each(['canny', 'canny=', '=a.png', 'canny=a.png,strength=x', 'canny=a.png,start=0,start=1'])(
    'calls "%s" wrong usage',
    (text) => expect(() => read(text)).toThrow(status(Status.usage)),
  );

  it('knows no preprocessor yet but "none"', () => {
    expect(() => read('canny=a.png,preprocess=canny')).toThrow(status(Status.usage));
    expect(read('canny=a.png,preprocess=none').image).toBe('a.png');
  });

  it('calls a range that is empty or out of bounds bad input', () => {
    expect(() => read('canny=a.png,start=0.9,end=0.2')).toThrow(status(Status.input));
    expect(() => read('canny=a.png,end=1.5')).toThrow(status(Status.input));
  });

  it('takes a kind alone for a plan', () => {
    expect(readControl('canny', { image: false })).toMatchObject({ kind: 'canny', image: null });
  });
});
