// The bridge, generated from the contract: what the window may ask, and nothing else. Values are checked here and in
// the main process; no Electron object reaches the window.
import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import { z } from 'zod';
import { contract } from './contract/index.ts';
import { type Call, channelName, type Domain, type Event, outcome } from './contract/ipc.ts';

// The content policy forbids what zod would compile.
z.config({ jitless: true });

function makeCall(channel: string, { input, output }: Call) {
  return async (value: unknown) => {
    const sent = input.safeParse(value);
    if (!sent.success) throw new TypeError(`${channel} was called wrongly: ${z.prettifyError(sent.error)}`);
    const answer = outcome.parse(await ipcRenderer.invoke(channel, sent.data));
    return answer.ok ? { ok: true, value: output.parse(answer.value) } : answer;
  };
}

function makeEvent(channel: string, { payload }: Event) {
  return (listener: (value: unknown) => void) => {
    const onEvent = (_: IpcRendererEvent, value: unknown): void => listener(payload.parse(value));
    ipcRenderer.on(channel, onEvent);
    return (): void => {
      ipcRenderer.off(channel, onEvent);
    };
  };
}

const makeDomain = (name: string, domain: Domain) =>
  Object.fromEntries(
    Object.entries(domain).map(([entry, definition]) => {
      const channel = channelName(name, entry);
      return [
        entry,
        definition.kind === 'call' ? makeCall(channel, definition) : makeEvent(channel, definition),
      ];
    }),
  );

contextBridge.exposeInMainWorld(
  'sluice',
  Object.fromEntries(Object.entries(contract).map(([name, domain]) => [name, makeDomain(name, domain)])),
);
