import { chat, type ChatModel, type SetUpState } from '../../src-preload/contract/chat.ts';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import type { Talks } from '../chat/talks.ts';
import type { IpcBridge } from './bridge.ts';

export interface ChatServices {
  talks(): Talks;
  setUp(): { state: SetUpState; start(): void };
  hasServer(): boolean;
  models(): Promise<ChatModel[]>;
}

export function serveChatDomain(bridge: IpcBridge, services: ChatServices): Emit<typeof chat> {
  return bridge.serve('chat', chat, {
    status: async () => ({
      hasServer: services.hasServer(),
      models: await services.models(),
      state: services.talks().state,
      setUp: services.setUp().state,
    }),
    ask: (question) => services.talks().ask(question),
    stop: (id) => {
      services.talks().stop(id);
      return undefined;
    },
    warm: async (name) => {
      await services.talks().warm(name);
      return undefined;
    },
    setUp: () => {
      services.setUp().start();
      return undefined;
    },
  });
}
