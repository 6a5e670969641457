import { expect, it } from 'vitest';
import type { Exit } from './launch.ts';
import { endingOf } from './reasons.ts';

const of = (exit: Partial<Exit>, lines: string[], wasReady = false) => {
  const { failure, final } = endingOf({ code: null, signal: null, ...exit }, lines, {
    modelPath: '/m/a.gguf',
    wasReady,
    log: '/logs/server.log',
  });
  return { status: failure.status, code: failure.code, final, message: failure.message };
};

it.each([
  [
    { code: 1 },
    ['llama_model_load: error loading model: invalid magic', 'exiting'],
    3,
    'model-not-loaded',
    true,
  ],
  [
    { code: 1 },
    ['ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 9'],
    4,
    'server-out-of-memory',
    true,
  ],
  [
    { signal: 'SIGABRT' as const },
    ["terminate called after throwing 'std::bad_alloc'"],
    4,
    'server-out-of-memory',
    true,
  ],
  [{ signal: 'SIGILL' as const }, [], 4, 'server-wrong-processor', true],
  [{ code: 1 }, ['error: invalid argument: --kv-unified'], 4, 'server-too-old', true],
  [{ code: 127 }, ['setpriv: failed to execute nothing: No such file'], 4, 'server-not-started', true],
  [{ signal: 'SIGKILL' as const }, ['srv: something'], 4, 'server-crashed', false],
  [
    { code: 1 },
    ["couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 80"],
    4,
    'server-crashed',
    false,
  ],
])('an end by %j after %j has status %i and the code %s', (exit, lines, status, code, final) => {
  expect(of(exit, lines)).toMatchObject({ status, code, final });
});

it('names the model, and what a server said last', () => {
  expect(of({ code: 1 }, ['error loading model: invalid magic']).message).toMatch(/a\.gguf.*invalid magic/);
  expect(of({ signal: 'SIGKILL' }, ['the last words']).message).toMatch(/SIGKILL.*the last words/);
});

it('a server that had run is tried again, also when memory was short', () => {
  expect(of({ code: 1 }, ['failed to allocate'], true)).toMatchObject({
    code: 'server-out-of-memory',
    final: false,
  });
  expect(of({ code: 1 }, ['old line: failed to load model draft'], true).code).toBe('server-crashed');
});
