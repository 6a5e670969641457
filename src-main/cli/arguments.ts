// Reading flags. What cannot be read as what it should be is wrong usage (2); what can, but can't be done, such as
// a size that is no multiple of 8, is bad input (3).
import { parseArgs } from 'node:util';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type Precision, precision } from '../../src-preload/contract/jobs.ts';
import type { Command, Given, Options } from './command.ts';

export function usageError(message: string, hint = '', code = 'usage'): SluiceError {
  return new SluiceError(Status.usage, code, message, hint);
}

export function inputError(code: string, message: string, hint = ''): SluiceError {
  return new SluiceError(Status.input, code, message, hint);
}

const common: Options = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

// "--seed -1" is meant as "--seed=-1": no flag begins with a digit.
function joinNegativeNumbers(args: readonly string[], options: Options): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const flag = joined.at(-1) ?? '';
    const takesValue = flag.startsWith('--') && options[flag.slice(2)]?.type === 'string';
    if (takesValue && /^-\.?\d/.test(arg)) joined[joined.length - 1] = `${flag}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

export function parse(command: Command, args: string[]): Given {
  try {
    const options = { ...command.options, ...common };
    const { values, positionals } = parseArgs({
      args: joinNegativeNumbers(args, options),
      options,
      strict: true,
      allowPositionals: true,
    });
    return { values, positionals };
  } catch (cause) {
    const ambiguous = /^Option '(--[a-z-]+)[^']*' argument is ambiguous/.exec((cause as Error).message);
    if (ambiguous?.[1] !== undefined) {
      const flag = ambiguous[1];
      throw usageError(`${flag}: no value was found`, `A value that begins with - is written ${flag}=-value`);
    }
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw usageError(message.replace(/\.? To specify.*$/, ''), `See: sluice ${command.name} --help`);
  }
}

// Typed access to what was given. Each reader names its flag in the error.
export class Flags {
  readonly #given: Given;

  constructor(given: Given) {
    this.#given = given;
  }

  has(name: string): boolean {
    return this.#given.values[name] !== undefined;
  }

  flag(name: string): boolean {
    return this.#given.values[name] === true;
  }

  text(name: string): string | null {
    const value = this.#given.values[name];
    return typeof value === 'string' ? value : null;
  }

  texts(name: string): string[] {
    const value = this.#given.values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === null) throw usageError(`--${name} is missing`);
    return value;
  }

  number(name: string, fallback: number, range: { min: number; max: number }): number {
    const text = this.text(name);
    return text === null ? fallback : readNumber(`--${name}`, text, range);
  }

  whole(name: string, fallback: number, range: { min: number; max: number }): number {
    const text = this.text(name);
    if (text === null) return fallback;
    if (!/^[+-]?\d+$/.test(text.trim()))
      throw usageError(`--${name}: expected a whole number, found "${text}"`);
    return readNumber(`--${name}`, text, range);
  }

  size(name: string, fallback: { width: number; height: number }): { width: number; height: number } {
    const text = this.text(name);
    if (text === null) return fallback;
    const found = /^(\d{1,6})[xX×](\d{1,6})$/.exec(text.trim());
    if (found === null) throw usageError(`--${name}: expected WIDTHxHEIGHT such as 512x512, found "${text}"`);
    const [width, height] = [Number(found[1]), Number(found[2])];
    if (width % 8 !== 0 || height % 8 !== 0 || width === 0 || height === 0) {
      const near = (side: number): number => Math.max(8, Math.round(side / 8) * 8);
      throw inputError(
        'size-not-multiple-of-8',
        `--${name}: ${width}x${height} is not possible: both sides must be multiples of 8`,
        `The nearest size is ${near(width)}x${near(height)}.`,
      );
    }
    return { width, height };
  }

  // Mebibytes as bytes; 0 when absent: the driver's own budget.
  vram(): number {
    const text = this.text('vram');
    if (text === null) return 0;
    const mib = readNumber('--vram', text, { min: 0, max: 1 << 24 });
    if (mib <= 0) throw inputError('budget-invalid', `--vram: expected more than 0 MiB, found "${text}"`);
    return Math.floor(mib * 1048576);
  }

  precision(): Precision {
    const text = this.text('precision') ?? 'auto';
    const parsed = precision.safeParse(text);
    if (!parsed.success) throw usageError(`--precision: expected auto, fp32 or fp16, found "${text}"`);
    return parsed.data;
  }
}

export function readNumber(what: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw usageError(`${what}: expected a number, found "${text}"`);
  if (value < min || value > max) {
    throw inputError('value-out-of-range', `${what}: expected ${min} to ${max}, found ${value}`);
  }
  return value;
}

export interface ControlArgument {
  kind: string;
  image: string | null;
  model: string | null;
  strength: number;
  start: number;
  end: number;
}

const controlKeys = new Set(['strength', 'start', 'end', 'model', 'preprocess']);

// KIND=IMAGE[,strength=F][,start=F][,end=F][,model=PATH][,preprocess=NAME]; a comma that begins none of these
// belongs to the path before it. A plan gives the kind alone: KIND[,model=PATH].
export function readControl(text: string, { image: needsImage }: { image: boolean }): ControlArgument {
  const pieces: string[] = [];
  for (const piece of text.split(',')) {
    const key = piece.slice(0, piece.indexOf('='));
    if (pieces.length === 0 || controlKeys.has(key)) pieces.push(piece);
    else pieces.push(`${pieces.pop() ?? ''},${piece}`);
  }
  const [head = '', ...rest] = pieces;
  const equals = head.indexOf('=');
  const kind = equals < 0 ? head : head.slice(0, equals);
  const image = equals < 0 ? null : head.slice(equals + 1);
  if (kind === '' || (needsImage && (image === null || image === ''))) {
    throw usageError(
      `--control: expected KIND=IMAGE, found "${text}"`,
      'For example: --control scribble=drawing.png,strength=0.8',
    );
  }
  const values = new Map<string, string>();
  for (const piece of rest) {
    const key = piece.slice(0, piece.indexOf('='));
    if (values.has(key)) throw usageError(`--control ${kind}: ${key} is given twice`);
    values.set(key, piece.slice(key.length + 1));
  }
  const preprocess = values.get('preprocess');
  if (preprocess !== undefined && preprocess !== 'none') {
    throw usageError(
      `--control ${kind}: there is no preprocessor "${preprocess}"`,
      'There is "none": give an image that is a control image already.',
      'unknown-preprocessor',
    );
  }
  const number = (key: string, fallback: number, max: number): number => {
    const value = values.get(key);
    return value === undefined ? fallback : readNumber(`--control ${kind}: ${key}`, value, { min: 0, max });
  };
  const [start, end] = [number('start', 0, 1), number('end', 1, 1)];
  if (start >= end) {
    throw inputError('control-range-empty', `--control ${kind}: start ${start} must be below end ${end}`);
  }
  return { kind, image, model: values.get('model') ?? null, strength: number('strength', 1, 10), start, end };
}
