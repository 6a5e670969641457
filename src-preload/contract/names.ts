// The contract's names without its schemas: all that the preload script is given. Nothing but types may be imported here.
import type { Contract } from './ipc.ts';

export type EntryKinds = Readonly<Record<string, Readonly<Record<string, 'call' | 'event'>>>>;

export const channelName = (domain: string, entry: string): string => `${domain}.${entry}`;

export const entryKinds = (contract: Contract): EntryKinds =>
  Object.fromEntries(
    Object.entries(contract).map(([name, domain]) => [
      name,
      Object.fromEntries(Object.entries(domain).map(([entry, { kind }]) => [entry, kind])),
    ]),
  );

// What the preload script puts on the window, by domain and entry: nothing is checked on its way through.
export type BridgeCall = (value: unknown) => Promise<unknown>;
export type BridgeEvent = (listener: (value: unknown) => void) => () => void;
export type StudioBridge = Readonly<Record<string, Readonly<Record<string, BridgeCall | BridgeEvent>>>>;
