// For tests against the real llama-server that set-up built: a service with a log of its own, and helpers.
// They are run by the suite "ask"; without server and model they fail, and say what is missing.
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AskRequest } from '../../src-preload/contract/language.ts';
import { Arbiter } from '../jobs/arbiter.ts';
import { cacheDir } from '../library/paths.ts';
import { LanguageService, type LanguageOptions } from './language.ts';
import { candidates, embeddedModel } from './locate.ts';
import { LogFile } from './log-file.ts';

export const model = embeddedModel(cacheDir());
const setting = process.env['SLUICE_LLAMA_SERVER'] ?? null;
const places = { setting, packaged: '', path: '', cacheDir: cacheDir() };

export const serverBinary = (): string => {
  const [first] = candidates(places);
  if (first === undefined || !existsSync(model))
    throw new Error(
      'llama-server and its model are missing: set-up could not bring them, its output says why',
    );
  return first.path;
};

export interface Bench {
  service: LanguageService;
  folder: string;
  log: LogFile;
  logText(): string;
  close(): Promise<void>;
}

export function makeBench(more: Partial<LanguageOptions> = {}): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ask-'));
  const log = more.log ?? new LogFile(join(folder, 'server.log'));
  const service = new LanguageService({
    places: { ...places, setting: serverBinary() },
    log,
    arbiter: new Arbiter(),
    grammars: () => {
      throw new Error('this test uses no grammar');
    },
    probeModel: model,
    slots: 2,
    contextTokens: 2048,
    threads: 1,
    extraArguments: ['--no-warmup'],
    ...more,
    limits: { retryMs: [50, 50, 50], graceMs: 3000, ...more.limits },
  });
  return {
    service,
    folder,
    log,
    logText: () => (existsSync(log.path) ? readFileSync(log.path, 'utf8') : ''),
    close: async () => {
      await service.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// The same bytes under another name, in the bench's folder where that is on the same disk.
export function sameModelAs(name: string): string {
  const path = join(cacheDir(), 'models', name);
  rmSync(path, { force: true });
  linkSync(model, path);
  return path;
}

export const question = (text: string, more: Partial<AskRequest> = {}): AskRequest => ({
  model,
  messages: [{ role: 'user', content: text }],
  grammar: null,
  conversation: null,
  priority: 0,
  maxTokens: 16,
  temperature: 0,
  topP: 1,
  seed: 1,
  stop: [],
  timeoutSeconds: 120,
  ...more,
});

export const silent = { onText: (): void => undefined, onNotice: (): void => undefined };

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A dead child that nobody has waited for yet still has a number.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

export async function waitFor(
  what: string,
  seconds: number,
  holds: () => boolean | Promise<boolean>,
): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > seconds * 1000) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return (performance.now() - began) / 1000;
}
