// Why a server ended, out of its exit and its last lines. Pure.
import { type Failure, Status } from '../../src-preload/contract/errors.ts';
import type { Exit } from './launch.ts';

export interface Ending {
  failure: Failure;
  final: boolean; // another try would end the same
}

const memory =
  /failed to allocate|unable to allocate|bad_alloc|out of memory|cannot allocate memory|failed to mmap|mmap failed|ErrorOutOfDeviceMemory/i;
const model =
  /failed to load model|error loading model|invalid magic|invalid gguf|not within the file bounds|unknown model architecture|failed to open GGUF|exiting due to model loading error|gguf_init/i;
const flags = /^error: (invalid argument|unknown argument|error while handling argument).*/im;

const last = (lines: readonly string[], pattern: RegExp): string | null =>
  lines.findLast((line) => pattern.test(line))?.trim() ?? null;

// `wasReady`: it had loaded its model before. `log`: where all its lines are.
export function endingOf(
  exit: Exit,
  lines: readonly string[],
  { modelPath, wasReady, log }: { modelPath: string; wasReady: boolean; log: string },
): Ending {
  const how = exit.signal ?? `status ${exit.code ?? 'unknown'}`;
  const see = `Its log is ${log}`;
  const make = (
    status: Failure['status'],
    code: string,
    message: string,
    hint: string,
    final: boolean,
  ): Ending => ({
    failure: { status, code, message, hint },
    final,
  });
  const starved = last(lines, memory);
  if (starved !== null) {
    return make(
      Status.device,
      'server-out-of-memory',
      `llama-server ran out of memory with ${modelPath}: ${starved}`,
      `Close other programs, or take a smaller model or a shorter context. ${see}`,
      !wasReady,
    );
  }
  const refused = wasReady ? null : last(lines, model);
  if (refused !== null) {
    return make(
      Status.input,
      'model-not-loaded',
      `llama-server cannot load ${modelPath}: ${refused}`,
      `Check the file, or fetch it again. ${see}`,
      true,
    );
  }
  const wrongFlag = last(lines, flags);
  if (wrongFlag !== null)
    return make(Status.device, 'server-too-old', `llama-server does not start: ${wrongFlag}`, see, true);
  if (exit.code === 127)
    return make(
      Status.device,
      'server-not-started',
      `llama-server cannot be started: ${lines.at(-1) ?? how}`,
      see,
      true,
    );
  if (exit.signal === 'SIGILL') {
    const hint = 'It was built for another processor: remove it, and the set-up builds one for this.';
    return make(
      Status.device,
      'server-wrong-processor',
      'llama-server cannot run on this processor',
      hint,
      true,
    );
  }
  // Its own complaints say more than its last words.
  const complaints = lines.filter((line) => /\bE\b|error|failed|couldn't/i.test(line)).slice(-2);
  const told = (complaints.length > 0 ? complaints : lines.slice(-1)).map((line) => line.trim()).join('; ');
  const when = wasReady ? 'while it ran' : 'before it was ready';
  return make(
    Status.device,
    'server-crashed',
    `llama-server ended ${when} (${how})${told === '' ? '' : `: ${told}`}`,
    see,
    false,
  );
}
