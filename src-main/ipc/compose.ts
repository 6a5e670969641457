import { compose } from '../../src-preload/contract/compose.ts';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import type { Composer } from '../midi/composer.ts';
import type { IpcBridge } from './bridge.ts';

export function serveComposeDomain(bridge: IpcBridge, composer: () => Composer): Emit<typeof compose> {
  return bridge.serve('compose', compose, {
    options: () => composer().options(),
    start: (order) => composer().start(order),
    stop: ({ id, keep }) => {
      composer().stop(id, keep);
      return undefined;
    },
  });
}
