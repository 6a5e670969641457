// Tells the window before it orders something who would have to give memory back for it.
import { memory, type Yielding } from '../../src-preload/contract/memory.ts';
import type { PaintSettings } from '../../src-preload/contract/painting.ts';
import type { IpcBridge } from './bridge.ts';

export interface MemoryServices {
  picture(settings: PaintSettings, controlKinds: readonly string[]): Promise<Yielding[]>;
  music(model: string | null): Yielding[];
  answer(model: string | null): Yielding[];
}

// Returns what tells the window to ask again; of many changes at once it tells one.
export function serveMemoryDomain(bridge: IpcBridge, services: MemoryServices): () => void {
  const emit = bridge.serve('memory', memory, {
    picture: ({ settings, controlKinds }) => services.picture(settings, controlKinds),
    music: (model) => services.music(model),
    answer: (model) => services.answer(model),
  });
  let telling = false;
  return () => {
    if (telling) return;
    telling = true;
    setImmediate(() => {
      telling = false;
      emit('changed', undefined);
    });
  };
}
