// The window's client of the main process: the bridge with failures thrown as SluiceError.
import { SluiceError } from '../../src-preload/contract/errors.ts';
import { contract, type StudioBridge, type StudioClient } from '../../src-preload/contract/index.ts';
import type { Domain, Outcome } from '../../src-preload/contract/ipc.ts';

declare global {
  interface Window {
    readonly sluice: StudioBridge;
  }
}

type AnyCall = (...input: unknown[]) => Promise<Outcome<unknown>>;

function throwing(entry: AnyCall): (...input: unknown[]) => Promise<unknown> {
  return async (...input) => {
    const answer = await entry(...input);
    if (answer.ok) return answer.value;
    const { status, code, message, hint } = answer.failure;
    throw new SluiceError(status, code, message, hint);
  };
}

function client(bridge: StudioBridge): StudioClient {
  const domains = Object.entries(contract as Record<string, Domain>).map(([name, domain]) => {
    const side = bridge[name as keyof StudioBridge] as Record<string, unknown>;
    const entries = Object.entries(domain).map(([entry, { kind }]) => [
      entry,
      kind === 'call' ? throwing(side[entry] as AnyCall) : side[entry],
    ]);
    return [name, Object.fromEntries(entries) as unknown];
  });
  return Object.fromEntries(domains) as StudioClient;
}

export const studio: StudioClient = client(window.sluice);
