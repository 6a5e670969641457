import { randomBytes } from 'node:crypto';
import { Status } from '../../src-preload/contract/errors.ts';
import { leased } from '../painting/leases.ts';
import { Painter } from '../painting/painter.ts';
import { startServing } from '../serve/http-server.ts';
import { findMidiModels, resolveMidiModel } from '../midi/models.ts';
import { MidiTurns } from '../midi/turns.ts';
import { chatRoutes } from '../serve/routes/chat.ts';
import { midiRoutes } from '../serve/routes/midi.ts';
import { modelFolders } from '../library/paths.ts';
import { pictureRoutes } from '../serve/routes/sdapi/index.ts';
import type { LanguageService } from '../llama/language.ts';
import { findLanguageModels } from '../llama/models.ts';
import { sharedArbiter } from '../services/leases.ts';
import { Flags, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { allModels, contextPaths, loadEngine, loadMidiService } from './services.ts';
import { languageModel, languageModelPlaces, sharedLanguage } from '../services/language.ts';

const DEFAULT_PORT = 7861;

// Clients that know one model of a fixed name ask for it whatever there is.
function resolveOrFirst(wanted: string | null): string {
  const known = findLanguageModels(languageModelPlaces());
  const named = known.some(({ name, path }) => name === wanted || path === wanted);
  return languageModel(named ? wanted : null);
}

export const serve: Command = {
  name: 'serve',
  summary: 'a local HTTP server for other programs: chat completions with grammars, pictures, composing',
  usage: [
    'sluice serve [--port N]          127.0.0.1 only; 0 takes any free port',
    '  --token TEXT                   instead of a random one (also SLUICE_TOKEN); --no-token asks for none',
    '  --slots N                      conversations that are answered at once',
    '  --context N                    tokens of context that they share',
    '  --device auto|INDEX|NAME  --vram MIB   for pictures, as in sluice paint',
    '',
    'POST /v1/chat/completions, GET /v1/models, POST /midi/compose (docs/serve.md)',
    '/sdapi/v1/txt2img, img2img, progress, interrupt, sd-models, samplers, schedulers, options, png-info',
  ].join('\n'),
  options: {
    port: { type: 'string' },
    token: { type: 'string' },
    'no-token': { type: 'boolean' },
    slots: { type: 'string' },
    context: { type: 'string' },
    device: { type: 'string' },
    vram: { type: 'string' },
  },
  async run(given, output, stop) {
    if (given.positionals.length > 0)
      throw usageError(`serve takes flags only, found "${given.positionals.join(' ')}"`);
    const flags = new Flags(given);
    if (flags.flag('no-token') && flags.has('token'))
      throw usageError('--token and --no-token exclude each other');
    const port = flags.whole('port', DEFAULT_PORT, { min: 0, max: 65535 });
    const named = flags.text('token') ?? process.env['SLUICE_TOKEN'] ?? '';
    const token = flags.flag('no-token')
      ? null
      : named === ''
        ? randomBytes(18).toString('base64url')
        : named;
    const slots = flags.whole('slots', 4, { min: 1, max: 64 });
    const contextTokens = flags.whole('context', 8192, { min: 256, max: 1 << 20 });

    let made: LanguageService | null = null;
    const language = (): LanguageService => {
      made ??= sharedLanguage({ slots, contextTokens, model: languageModel(null), limits: { graceMs: 700 } });
      return made;
    };
    const engine = loadEngine();
    const painter = new Painter(engine, contextPaths());
    const pictures = pictureRoutes({
      execute: leased(painter.execute, { arbiter: sharedArbiter, engine: () => engine }),
      models: allModels,
      samplers: () => engine.samplers(),
      device: flags.text('device') ?? 'auto',
      budgetBytes: flags.vram(),
    });
    const chat = chatRoutes({
      language,
      models: () => findLanguageModels(languageModelPlaces()),
      resolve: resolveOrFirst,
    });
    const turns = new MidiTurns(loadMidiService);
    const midi = midiRoutes({
      turns,
      resolve: (wanted) => resolveMidiModel(wanted, findMidiModels(modelFolders())),
      threads: 0,
    });
    const serving = await startServing({
      routes: [...chat, ...pictures, ...midi],
      port,
      token,
      onError: (error) => output.log(error.cause instanceof Error ? error.cause.stack : error.message),
    });
    const url = `http://127.0.0.1:${serving.port}`;
    output.event('listening', { url, port: serving.port, token });
    output.log(`listening on ${url}${token === null ? ', without a token' : `, token ${token}`}`);
    await new Promise<void>((resolve) => void stop.onAsked(resolve));
    await serving.close();
    await Promise.all([(made as LanguageService | null)?.close(), painter.close(), turns.close()]);
    output.done({ url }, []);
    return Status.cancelled;
  },
};
