// What the bridge between window and main process is made of. A domain (painting, projects, …) is an object of calls
// and events, each with its schemas; both ends, the window's client and the main process, check what they send and what
// they get. The bridge, the handlers and the client are all generated from these tables, so nothing about a channel is
// written twice.
import { z } from 'zod';
import { failure } from './errors.ts';

export interface Call<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly kind: 'call';
  readonly input: Input;
  readonly output: Output;
}

export interface Event<Payload extends z.ZodType = z.ZodType> {
  readonly kind: 'event';
  readonly payload: Payload;
}

export type Domain = Readonly<Record<string, Call | Event>>;
export type Contract = Readonly<Record<string, Domain>>;

export const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O): Call<I, O> => ({
  kind: 'call',
  input,
  output,
});
export const event = <P extends z.ZodType>(payload: P): Event<P> => ({ kind: 'event', payload });

export const nothing = z.undefined();

export const bytes = z.custom<Uint8Array<ArrayBuffer>>(
  (value) => value instanceof Uint8Array,
  'expected bytes',
);

// Failures cross as values: an Error that crosses the bridge loses everything but its message.
export const outcome = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), failure }),
]);

type Parameters<I extends z.ZodType> = undefined extends z.input<I> ? [] | [z.input<I>] : [input: z.input<I>];

// What the window's code calls: failures are thrown as SluiceError; an event takes a listener and returns the function
// that ends the subscription.
export type Client<C extends Contract> = {
  readonly [D in keyof C]: {
    readonly [E in keyof C[D]]: C[D][E] extends Call<infer I, infer O>
      ? (...input: Parameters<I>) => Promise<z.output<O>>
      : C[D][E] extends Event<infer P>
        ? (listener: (payload: z.output<P>) => void) => () => void
        : never;
  };
};

type CallNames<D extends Domain> = { [E in keyof D]: D[E] extends Call ? E : never }[keyof D];

// What a file in src-main/ipc gives for its domain: one handler a call.
export type Handlers<D extends Domain> = {
  readonly [E in CallNames<D>]: D[E] extends Call<infer I, infer O>
    ? (input: z.output<I>) => z.input<O> | Promise<z.input<O>>
    : never;
};

type EventNames<D extends Domain> = { [E in keyof D]: D[E] extends Event ? E : never }[keyof D];

export type Emit<D extends Domain> = <E extends EventNames<D>>(
  name: E,
  payload: D[E] extends Event<infer P> ? z.input<P> : never,
) => void;
