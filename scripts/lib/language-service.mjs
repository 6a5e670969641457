// The language service as built into out/, for benches and checks beside the command line.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, currentServer, modelPath } from './language.mjs';
import { root } from './paths.mjs';

// `log`: a path. `more`: LanguageOptions. Rejects when set-up has not brought server and model.
export async function loadLanguage({ log, ...more }) {
  const server = currentServer();
  if (server === null || !existsSync(modelPath))
    throw new Error('llama-server and its model are missing: ./sluice ask brings them');
  const built = await import(pathToFileURL(join(root, 'out', 'main', 'language.js')).href);
  const service = new built.LanguageService({
    places: { setting: server.path, packaged: '', path: '', cacheDir },
    log: new built.LogFile(log),
    arbiter: new built.Arbiter(),
    grammars: built.loadGrammars,
    probeModel: modelPath,
    ...more,
  });
  const { grammarLibrary: library, libraryGrammarText: grammarText, readAnswer } = built;
  return { service, library, grammarText, readAnswer };
}
