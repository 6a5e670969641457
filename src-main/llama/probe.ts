// What a llama-server binary is and can do, found out on processes that are thrown away: one that does not know a
// grammar may abort on it. Findings are kept by the binary's path, size and time.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { type ServerCapabilities, serverCapabilities } from '../../src-preload/contract/language.ts';
import { writeWhole } from '../library/files.ts';
import { knownFlags, serverArguments } from './arguments.ts';
import { call } from './http.ts';
import { ServerProcess } from './process.ts';

const probed = serverCapabilities.extend({ flags: z.array(z.string()) });
export type Probed = z.infer<typeof probed>;

const TIMEOUT_MS = 60_000; // a large model, and a machine that is busy

function output(binary: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(binary, args, { timeout: 20_000, maxBuffer: 1 << 22 }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(error.message, { cause: error }));
      else resolve(`${stdout}\n${stderr}`);
    });
  });
}

// "  CUDA0: NVIDIA H100 (81079 MiB, 80500 MiB free)"
export function parseDevices(text: string): ServerCapabilities['devices'] {
  return [...text.matchAll(/^\s+\S+: (.+) \((\d+) MiB, (\d+) MiB free\)$/gm)].map(
    ([, name, total, free]) => ({
      name: (name ?? '').trim(),
      totalBytes: Number(total) * 1048576,
      freeBytes: Number(free) * 1048576,
    }),
  );
}

const completion = z.looseObject({ content: z.string() });

// Whether the server holds its answer to a grammar that its model would hardly follow by itself.
async function obeys(server: ServerProcess, grammar: string, word: string): Promise<boolean> {
  try {
    const body = {
      prompt: 'The weather today is',
      n_predict: 8,
      temperature: 0,
      grammar,
      cache_prompt: false,
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const reply = await call(server.endpoint, { method: 'POST', path: '/completion', body, signal });
    const parsed = completion.safeParse(reply.body);
    return reply.status === 200 && parsed.success && parsed.data.content.trim() === word;
  } catch {
    return false; // it has aborted, or hangs
  }
}

async function tryGrammar(
  binary: string,
  flags: ReadonlySet<string>,
  model: string,
  grammar: string,
  word: string,
) {
  const options = { model, contextTokens: 512, slots: 1, threads: 1, gpuLayers: 0, cacheMiB: 0 };
  const server = new ServerProcess({
    binary,
    args: serverArguments(options, flags),
    onLine: () => undefined,
  });
  try {
    if (!(await server.untilHealthy(AbortSignal.timeout(TIMEOUT_MS)))) {
      const { signal } = server.gone ? await server.exited : { signal: null };
      return signal === 'SIGILL' ? 'wrong-processor' : null;
    }
    return await obeys(server, grammar, word);
  } finally {
    server.kill();
    await server.exited;
  }
}

async function find(binary: string, model: string): Promise<Probed> {
  const fail = (why: string, cause?: unknown): SluiceError =>
    new SluiceError(
      Status.device,
      'server-unusable',
      `${binary} cannot be used as llama-server: ${why}`,
      'Name another with SLUICE_LLAMA_SERVER, or remove it and let the set-up build one.',
      { cause },
    );
  let version: string;
  let help: string;
  try {
    version = await output(binary, ['--version']);
    help = await output(binary, ['--help']);
  } catch (cause) {
    throw fail(cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause), cause);
  }
  const known = knownFlags(help);
  if (!known.has('--port') || !known.has('--model')) throw fail('its --help tells of no --model and --port');
  const devices = await output(binary, ['--list-devices']).then(parseDevices, () => []);
  const lark = await tryGrammar(binary, known, model, '%llguidance {}\nstart: "quux"\n', 'quux');
  if (lark === 'wrong-processor') throw fail('it was built for another processor (illegal instruction)');
  if (lark === null) throw fail(`it does not come up with ${model}`);
  const gbnf = await tryGrammar(binary, known, model, 'root ::= "quux"\n', 'quux');
  const line = version.split('\n').find((text) => /version/i.test(text)) ?? version;
  return {
    version: line.replace(/^version:\s*/i, '').trim(),
    llguidance: lark,
    gbnf: gbnf === true,
    devices,
    flags: [...known],
  };
}

// `model`: any that loads. Throws `server-unusable` (4).
export async function probe(binary: string, model: string, cacheDir: string): Promise<Probed> {
  const found = await stat(binary).catch(() => null);
  if (found === null) {
    throw new SluiceError(
      Status.device,
      'server-missing',
      `there is no llama-server at ${binary}`,
      'Check SLUICE_LLAMA_SERVER, or leave it out.',
    );
  }
  const key = createHash('sha256')
    .update(`${binary}\0${found.size}\0${found.mtimeMs}`)
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheDir, 'llama-server');
  const path = join(folder, `probe-${key}.json`);
  try {
    const kept = probed.parse(JSON.parse(await readFile(path, 'utf8')));
    // Devices come and go, and their free memory changes.
    return kept.devices.length === 0
      ? kept
      : { ...kept, devices: await output(binary, ['--list-devices']).then(parseDevices, () => []) };
  } catch {
    // not probed yet
  }
  const result = await find(binary, model);
  await mkdir(folder, { recursive: true });
  await writeWhole([{ path, content: Buffer.from(JSON.stringify(result)) }]).catch(() => undefined); // only a cache
  return result;
}
