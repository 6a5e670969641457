// Language models and grammars for the window: makes the services on first use and serves both domains.
import { join } from 'node:path';
import type { Emit } from '../../src-preload/contract/ipc.ts';
import type { chat } from '../../src-preload/contract/chat.ts';
import { describeModel, WANTED_CONTEXT } from '../chat/models.ts';
import { LanguageSetUp } from '../chat/set-up.ts';
import { Talks } from '../chat/talks.ts';
import { programRoot, resourceDir } from '../library/paths.ts';
import { findLanguageModels } from '../llama/models.ts';
import { sharedGrammars } from '../services/grammars.ts';
import { hasServer, languageModel, languageModelPlaces, sharedLanguage } from '../services/language.ts';
import type { IpcBridge } from './bridge.ts';
import { serveChatDomain } from './chat.ts';
import { serveGrammarsDomain } from './grammars.ts';

// Two conversations at once; more would share the context of a small model among too many.
const SLOTS = 2;

export interface Words {
  givesWay: Talks['givesWay'];
  close(): Promise<void>; // ends the server and whatever else runs
}

// `onLoaded`: the language server's state is another one.
export function serveWords(bridge: IpcBridge, state: string, onLoaded: () => void): Words {
  const emit: Emit<typeof chat> = (name, payload) => emitChat(name, payload);
  const setUp = new LanguageSetUp(
    {
      script: join(programRoot(), 'scripts', 'set-up-language.mjs'),
      node: process.env['npm_node_execpath'] ?? 'node',
      isThere: () => hasServer() && findLanguageModels(languageModelPlaces()).length > 0,
    },
    (changed) => emit('setUpChanged', changed),
  );
  const talks = new Talks({
    language: () =>
      sharedLanguage({ slots: SLOTS, contextTokens: WANTED_CONTEXT, model: languageModel(null) }),
    model: languageModel,
    onState: (changed) => {
      emit('state', changed);
      if (changed.kind !== 'loading') onLoaded(); // which says how far it is many times a second
    },
    onText: (id, text) => emit('text', { id, text }),
    onNotice: (id, text) => emit('notice', { id, text }),
  });
  const emitChat = serveChatDomain(bridge, {
    talks: () => talks,
    setUp: () => setUp,
    hasServer,
    models: () => Promise.all(findLanguageModels(languageModelPlaces()).map((found) => describeModel(found))),
  });
  serveGrammarsDomain(bridge, {
    grammars: sharedGrammars,
    resourceDir: resourceDir(),
    state,
  });
  return {
    givesWay: (model) => talks.givesWay(model),
    close: async () => {
      setUp.close();
      await talks.close();
    },
  };
}
