// The language service as command line, server and window share it: one in a process, with the leases that painting
// takes too.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Arbiter } from '../jobs/arbiter.ts';
import { cacheDir, dataDir, modelFolders, programRoot } from '../library/paths.ts';
import { readSettings } from '../library/studio-settings.ts';
import { LanguageService } from '../llama/language.ts';
import { candidates, embeddedModel, type Places } from '../llama/locate.ts';
import { LogFile } from '../llama/log-file.ts';
import { type ModelPlaces, resolveLanguageModel } from '../llama/models.ts';
import type { Limits } from '../llama/states.ts';
import { sharedGrammars } from './grammars.ts';
import { sharedArbiter } from './leases.ts';

export const languageModelPlaces = (): ModelPlaces => ({
  cacheDir: cacheDir(),
  folders: modelFolders().user,
});

export const languageModel = (wanted: string | null): string =>
  resolveLanguageModel(wanted, languageModelPlaces());

const stateDir = (): string => {
  const named = process.env['XDG_STATE_HOME'];
  return join(named !== undefined && named !== '' ? named : join(homedir(), '.local', 'state'), 'sluice');
};

// One log for each process of ours: two at once would rotate each other's away.
const logPath = (): string => join(stateDir(), 'logs', `llama-server-${process.pid}.log`);

const serverPlaces = (): Places => {
  const named = process.env['SLUICE_LLAMA_SERVER'] ?? '';
  const setting = named === '' ? readSettings(dataDir()).llamaServer : named;
  return {
    setting: setting === '' ? null : setting,
    packaged: join(programRoot(), 'resources', 'bin', 'llama-server'),
    path: process.env['PATH'] ?? '',
    cacheDir: cacheDir(),
  };
};

// A binary is there; whether it works is found out when it is asked.
export const hasServer = (): boolean => candidates(serverPlaces()).some(({ path }) => existsSync(path));

export interface LanguageSettings {
  slots?: number;
  contextTokens?: number;
  arbiter?: Arbiter;
  limits?: Partial<Limits>;
  model: string; // the one that will be asked first
}

export function makeLanguage({
  slots,
  contextTokens,
  arbiter,
  limits,
  model,
}: LanguageSettings): LanguageService {
  const embedded = embeddedModel(cacheDir());
  return new LanguageService({
    places: serverPlaces(),
    log: new LogFile(logPath()),
    arbiter: arbiter ?? sharedArbiter,
    grammars: sharedGrammars,
    probeModel: existsSync(embedded) ? embedded : model,
    ...(limits === undefined ? {} : { limits }),
    ...(slots === undefined ? {} : { slots }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
  });
}

let shared: LanguageService | null = null;
// The settings are those of the first call.
export const sharedLanguage = (settings: LanguageSettings): LanguageService =>
  (shared ??= makeLanguage(settings));
