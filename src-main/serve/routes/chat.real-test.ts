// /v1/chat/completions against the real server, and what its clients see when something goes wrong: an answer that broke
// off never looks like one that ended, and the next request works.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadGrammars } from '../../services/grammars.ts';
import { type Bench, isAlive, makeBench, model, waitFor } from '../../llama/real-server.ts';
import { type Serving, startServing } from '../http-server.ts';
import { chatRoutes } from './chat.ts';

let bench: Bench;
let serving: Serving;
const faults: string[] = [];

async function serve(more: Parameters<typeof makeBench>[0] = {}): Promise<void> {
  bench = makeBench({ grammars: loadGrammars, ...more });
  const { service } = bench;
  const routes = chatRoutes({ language: () => service, models: () => [], resolve: () => model });
  serving = await startServing({
    routes,
    port: 0,
    token: null,
    onError: (error) => faults.push(error.message),
  });
}

beforeEach(() => {
  faults.length = 0;
});
afterEach(async () => {
  await serving.close();
  await bench.close();
  expect(faults).toEqual([]);
});

const story = { messages: [{ role: 'user', content: 'Tell me a long story about the sea.' }], seed: 1 };
const letters = { grammar: 'root ::= [a-z ]{400}' };

const ask = (more: Record<string, unknown>, signal?: AbortSignal): Promise<Response> =>
  fetch(`http://127.0.0.1:${serving.port}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ ...story, max_tokens: 400, ...more }),
    ...(signal === undefined ? {} : { signal }),
  });

// Reads until the end or the break of the connection; `onText` sees all that has come so far.
async function read(
  answer: Response,
  onText: (text: string) => void = () => undefined,
): Promise<{ text: string; broken: boolean }> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      onText(text);
    }
    return { text, broken: false };
  } catch {
    return { text, broken: true };
  }
}

const eventsIn = (text: string): number => text.split('\n\n').length - 1;
const works = async (): Promise<void> => {
  const whole = (await (await ask({ max_tokens: 4 })).json()) as {
    choices: { message: { content: string } }[];
  };
  expect(whole.choices[0]?.message.content).not.toBe('');
};

it.each([
  ['handed on', {}],
  ['under a grammar', letters],
])(
  'a server that dies in the middle of an answer (%s) is told, and the next request works',
  async (_, held) => {
    await serve();
    let killed = false;
    const { text, broken } = await read(await ask({ stream: true, ...held }), (soFar) => {
      if (killed || eventsIn(soFar) < 4) return;
      killed = true;
      process.kill(bench.service.supervisor.pid ?? 0, 'SIGKILL');
    });
    expect(killed).toBe(true);
    expect(text).not.toContain('[DONE]');
    // Either the connection breaks, or the stream says itself what happened.
    if (!broken) expect(text).toContain('"code":"answer-cut"');
    await works();
  },
);

it('a server that hangs in the middle of an answer is ended, told, and replaced', async () => {
  await serve({ supervision: { healthEveryMs: 200, healthTimeoutMs: 1500 } });
  let hung = 0;
  const { text, broken } = await read(await ask({ stream: true, ...letters }), (soFar) => {
    if (hung !== 0 || eventsIn(soFar) < 4) return;
    hung = bench.service.supervisor.pid ?? 0;
    process.kill(hung, 'SIGSTOP');
  });
  expect(hung).not.toBe(0);
  expect(text).not.toContain('[DONE]');
  if (!broken) expect(text).toContain('"code":"answer-cut"');
  await works();
  expect(isAlive(hung)).toBe(false);
});

it.each([
  ['handed on', {}],
  ['under a grammar', letters],
])('a client that goes leaves its slot to the next (%s), and so does one that waited', async (_, held) => {
  await serve({ slots: 1 });
  const gone = new AbortController();
  const waiting = new AbortController();
  const waited: Promise<unknown>[] = [];
  const answer = await ask({ stream: true, max_tokens: 1500, ...held }, gone.signal);
  await read(answer, (soFar) => {
    if (eventsIn(soFar) < 4 || gone.signal.aborted) return;
    if (waited.length === 0)
      waited.push(ask({ stream: true, ...held }, waiting.signal).catch((error: unknown) => error));
    if (bench.service.router.schedule.waiting.length === 0) return;
    waiting.abort();
    gone.abort();
  });
  expect(await Promise.all(waited)).toEqual([expect.any(Error)]);
  await waitFor('nothing runs', 20, () => bench.service.router.schedule.running.size === 0);
  await works();
});

it.each([
  ['handed on', {}],
  ['under a grammar', letters],
])('a prompt that is too long is refused with both lengths (%s)', async (_, held) => {
  await serve({ slots: 1, contextTokens: 1024 });
  const messages = [{ role: 'user', content: 'word '.repeat(3000) }];
  const answer = await ask({ messages, ...held });
  expect(answer.status).toBe(400);
  const said = await answer.text();
  expect(said).toMatch(/3\d{3}/);
  expect(said).toMatch(/1024/);
  await works();
});

it('schemas hold answers, and what of them is not enforced is told', async () => {
  await serve();
  const format = (schema: unknown): Record<string, unknown> => ({
    max_tokens: 60,
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
  });
  const held = (await (await ask(format({ enum: ['yes', 'no'], colour: 'red' }))).json()) as {
    choices: { message: { content: string } }[];
    sluice: { valid: boolean; notices: string[] };
  };
  expect(held.choices[0]?.message.content).toMatch(/^"(yes|no)"$/);
  expect(held.sluice).toMatchObject({ valid: true, notices: [expect.stringContaining('"colour"')] });
  const refused = await ask(format({ type: 'object', not: {} }));
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: { code: 'grammar-unsupported' } });
});

it('a schema beside the type is taken too, and one that is missing is told', async () => {
  await serve();
  const type = 'json_schema';
  const held = await ask({ max_tokens: 60, response_format: { type, schema: { enum: ['yes'] } } });
  expect(await held.json()).toMatchObject({
    choices: [{ message: { content: '"yes"' } }],
    sluice: { valid: true },
  });
  const none = await ask({ response_format: { type } });
  expect(none.status).toBe(400);
  expect(await none.json()).toMatchObject({
    error: { message: expect.stringContaining('expected a JSON schema') as unknown },
  });
});

it('places in a Lark grammar are those of the request', async () => {
  await serve();
  const wrong = await ask({ grammar: '%llguidance {}\nstart: "x" | foo' });
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({
    error: { message: expect.stringMatching(/line 2, column 14: .*"foo"/) as unknown },
  });
  const right = await ask({ grammar: '%llguidance {}\nstart: "left" | "right"' });
  expect(await right.json()).toMatchObject({ sluice: { valid: true } });
});

it('without a server that works, every request says what is missing', async () => {
  await serve({ places: { setting: '/nowhere/llama-server', packaged: '', path: '', cacheDir: '/nowhere' } });
  for (const held of [{}, letters]) {
    const answer = await ask(held);
    expect(answer.status).toBe(503);
    const { error } = (await answer.json()) as { error: { message: string; hint: string } };
    expect(error.message).toContain('/nowhere/llama-server');
    expect(error.hint).not.toBe('');
  }
});

it('a port that is taken is told by its number', async () => {
  await serve();
  const again = startServing({ routes: [], port: serving.port, token: null, onError: () => undefined });
  await expect(again).rejects.toMatchObject({ code: 'port-taken', status: 3 });
  await expect(again).rejects.toThrow(String(serving.port));
});
