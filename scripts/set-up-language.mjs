// What a language model needs besides: its weights and its server. The studio runs this when a person asks for it, and
// can be asked while ours is being built: a server that somebody else built stands in, where there is one.
import { prepareOrExit, say } from './bootstrap/index.mjs';
import { currentServer } from './lib/language.mjs';
import { announceServer, fetchPrebuilt, runsPrebuilt } from './lib/prebuilt-server.mjs';

if (currentServer() === null && runsPrebuilt()) {
  say(
    'fetching a llama-server that is built already, 68 MB: it answers while the one for all grammars is built',
  );
  await fetchPrebuilt()
    .then((path) => announceServer(path, 'prebuilt'))
    .catch((error) => say(`no server stands in: ${error.message}`));
}
await prepareOrExit('ask');
