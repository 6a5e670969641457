// A server's flags and environment. Pure: what is wanted, and what this binary's --help knows, to a list of words.

import { parse } from 'node:path';

export interface ServerOptions {
  model: string;
  contextTokens: number; // shared by all slots
  slots: number;
  threads: number;
  gpuLayers: number; // 0: the processor alone
  cacheMiB: number; // host memory for conversations that have no slot
}

// Only loopback is listened on, at a port that the kernel picks. The key is not here: arguments can be read by all.
export function serverArguments(options: ServerOptions, knows: ReadonlySet<string>): string[] {
  const args = ['--model', options.model, '--host', '127.0.0.1', '--port', '0'];
  const add = (flag: string, value?: string | number): void => {
    if (!knows.has(flag)) return;
    args.push(flag);
    if (value !== undefined) args.push(String(value));
  };
  add('--ctx-size', options.contextTokens);
  add('--parallel', options.slots);
  add('--alias', parse(options.model).name); // clients are not told where it lies
  // One slot may use all the context that the others leave.
  add('--kv-unified');
  // A conversation's slot is its own while there is room: what it has read stays.
  add('--no-cache-idle-slots');
  add('--threads', options.threads);
  add('--gpu-layers', options.gpuLayers);
  add('--cache-ram', options.cacheMiB);
  // Pings are how a server notices that its reader has gone, and that it may end.
  add('--sse-ping-interval', 1);
  // What a model thinks is a part of its text: the grammar judges all of it.
  add('--reasoning-format', 'none');
  add(knows.has('--no-ui') ? '--no-ui' : '--no-webui');
  add('--log-colors', 'off');
  add('--offline');
  // Chosen here, by leases; the server's own guess counts memory that is promised to others.
  add('--fit', 'off');
  return args;
}

// Flags out of --help, long forms only.
export const knownFlags = (help: string): Set<string> => new Set(help.match(/--[a-z][a-z0-9-]+/g) ?? []);

export function serverEnvironment(base: NodeJS.ProcessEnv, key: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  // A server's own settings in a person's environment would undo ours.
  for (const [name, value] of Object.entries(base)) if (!name.startsWith('LLAMA_')) env[name] = value;
  return { ...env, LLAMA_API_KEY: key };
}
