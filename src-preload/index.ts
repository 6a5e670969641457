// The bridge, made from the contract's names: what the window may ask, and nothing else. No Electron object reaches the
// window. Values are checked by the window's client and by the main process, not here: this script is compiled anew at
// every start, before the page may run, and the schemas would be most of it.
import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import { channelName, type EntryKinds } from './contract/names.ts';

// Put in by the build (electron.vite.config.ts): the contract without its schemas.
declare const CONTRACT_ENTRIES: EntryKinds;

const makeCall = (channel: string) => (value: unknown) =>
  ipcRenderer.invoke(channel, value) as Promise<unknown>;

const makeEvent = (channel: string) => (listener: (value: unknown) => void) => {
  const onEvent = (_: IpcRendererEvent, value: unknown): void => listener(value);
  ipcRenderer.on(channel, onEvent);
  return (): void => {
    ipcRenderer.off(channel, onEvent);
  };
};

contextBridge.exposeInMainWorld(
  'sluice',
  Object.fromEntries(
    Object.entries(CONTRACT_ENTRIES).map(([domain, entries]) => [
      domain,
      Object.fromEntries(
        Object.entries(entries).map(([entry, kind]) => {
          const channel = channelName(domain, entry);
          return [entry, kind === 'call' ? makeCall(channel) : makeEvent(channel)];
        }),
      ),
    ]),
  ),
);
