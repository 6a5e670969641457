// The window's client of the main process: the bridge with what crosses it checked and failures thrown as SluiceError.
import { z } from 'zod';
import { SluiceError } from '../../src-preload/contract/errors.ts';
import { contract, type StudioClient } from '../../src-preload/contract/index.ts';
import { type Call, type Domain, type Event, outcome } from '../../src-preload/contract/ipc.ts';
import {
  type BridgeCall,
  type BridgeEvent,
  channelName,
  type StudioBridge,
} from '../../src-preload/contract/names.ts';

declare global {
  interface Window {
    readonly sluice: StudioBridge;
  }
}

const asked =
  (channel: string, { input, output }: Call, entry: BridgeCall) =>
  async (value: unknown): Promise<unknown> => {
    const sent = input.safeParse(value);
    if (!sent.success) throw new TypeError(`${channel} was called wrongly: ${z.prettifyError(sent.error)}`);
    const answer = outcome.parse(await entry(sent.data));
    if (answer.ok) return output.parse(answer.value);
    const { status, code, message, hint } = answer.failure;
    throw new SluiceError(status, code, message, hint);
  };

const heard =
  ({ payload }: Event, entry: BridgeEvent) =>
  (listener: (value: unknown) => void): (() => void) =>
    entry((value) => listener(payload.parse(value)));

function client(bridge: StudioBridge): StudioClient {
  const domains = Object.entries(contract as Record<string, Domain>).map(([name, domain]) => {
    const side = bridge[name] ?? {};
    const entries = Object.entries(domain).map(([entry, definition]) => [
      entry,
      definition.kind === 'call'
        ? asked(channelName(name, entry), definition, side[entry] as BridgeCall)
        : heard(definition, side[entry] as BridgeEvent),
    ]);
    return [name, Object.fromEntries(entries) as unknown];
  });
  return Object.fromEntries(domains) as StudioClient;
}

export const studio: StudioClient = client(window.sluice);
