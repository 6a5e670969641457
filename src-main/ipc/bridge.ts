// The main process's end of the contract. The only importer of ipcMain: every handler checks who asks, what is asked
// and what is answered.
import { ipcMain, type WebContents, type WebFrameMain } from 'electron';
import { z } from 'zod';
import { asSluiceError } from '../../src-preload/contract/errors.ts';
import type { Call, Domain, Emit, Handlers } from '../../src-preload/contract/ipc.ts';
import { channelName } from '../../src-preload/contract/names.ts';
import { APP_ORIGIN } from '../window/origin.ts';

// Only the window's own top frame, showing our own page, may ask for anything.
export function isTrusted(frame: WebFrameMain | null, window: WebContents | null): boolean {
  if (frame === null || window === null || window.isDestroyed()) return false;
  if (frame !== window.mainFrame) return false;
  try {
    const { protocol, host } = new URL(frame.url);
    return `${protocol}//${host}` === APP_ORIGIN;
  } catch {
    return false;
  }
}

export class IpcBridge {
  #window: WebContents | null = null;

  // The window that may ask and that hears events.
  attach(window: WebContents): void {
    this.#window = window;
  }

  // Registers a domain's handlers; returns the function that sends its events.
  serve<D extends Domain>(name: string, domain: D, handlers: Handlers<D>): Emit<D> {
    for (const [entry, definition] of Object.entries(domain)) {
      if (definition.kind !== 'call') continue;
      const handler = (handlers as Record<string, ((input: unknown) => unknown) | undefined>)[entry];
      if (handler === undefined) throw new Error(`${channelName(name, entry)} has no handler`);
      this.#handle(channelName(name, entry), definition, handler);
    }
    return (entry, payload) => {
      const definition = domain[entry];
      if (definition?.kind !== 'event') throw new Error(`${name}.${String(entry)} is no event`);
      if (this.#window === null || this.#window.isDestroyed()) return;
      this.#window.send(channelName(name, String(entry)), definition.payload.parse(payload));
    };
  }

  #handle(channel: string, { input, output }: Call, handler: (input: unknown) => unknown): void {
    ipcMain.handle(channel, async (event, value: unknown) => {
      if (!isTrusted(event.senderFrame, this.#window))
        throw new Error(`${channel}: the sender is not trusted`);
      try {
        const given = input.safeParse(value);
        if (!given.success)
          throw new TypeError(`${channel} was called wrongly: ${z.prettifyError(given.error)}`);
        return { ok: true, value: output.parse(await handler(given.data)) };
      } catch (error) {
        return { ok: false, failure: asSluiceError(error).toFailure() };
      }
    });
  }
}
