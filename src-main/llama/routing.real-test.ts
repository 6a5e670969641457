// Routing against the real server: turns that are not read twice, slots that are freed at once, fairness, time limits,
// several models, idleness, and servers that somebody else runs.
import { rmSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import type { ChatMessage } from '../../src-preload/contract/language.ts';
import { AnswerError } from './completion.ts';
import { externalEndpoint, externalModel } from './external.ts';
import { call } from './http.ts';
import { type Bench, makeBench, model, question, sameModelAs, silent, waitFor } from './real-server.ts';
import { Templates } from './template.ts';

let bench: Bench;
afterEach(() => bench.close());

const slotsBusy = async (): Promise<number> => {
  const work = await bench.service.supervisor.work(model);
  work.end();
  const { body } = await call(work.endpoint, { method: 'GET', path: '/slots' });
  return (body as { is_processing: boolean }[]).filter((slot) => slot.is_processing).length;
};

it('what a conversation has read is not read again, also when others talk in between', async () => {
  bench = makeBench({ slots: 2 });
  const system = { role: 'system', content: 'You are a keeper of lighthouses. '.repeat(12) } as const;
  const turns = async (conversation: string): Promise<() => Promise<number>> => {
    const messages: ChatMessage[] = [system, { role: 'user', content: `I am ${conversation}. Hello.` }];
    const ask = async (): Promise<number> => {
      const answer = await bench.service.ask(question('', { messages: [...messages], conversation }), silent);
      const share = answer.cachedTokens / answer.promptTokens;
      messages.push({ role: 'assistant', content: answer.text }, { role: 'user', content: 'And then?' });
      return share;
    };
    await ask();
    return ask;
  };
  const [anna, bert] = [await turns('Anna'), await turns('Bert')];
  const shares = [await anna(), await bert(), await anna(), await bert()];
  for (const share of shares) expect(share, String(shares)).toBeGreaterThan(0.85);
});

it('a request that is given up frees its slot at once, and its answer is kept', async () => {
  bench = makeBench({ slots: 1 });
  const stop = new AbortController();
  let text = '';
  const asked = bench.service.ask(question('Tell me a long story.', { maxTokens: 500 }), {
    onText: (piece) => {
      text += piece;
      if (text.length > 10) stop.abort();
    },
    onNotice: () => undefined,
    signal: stop.signal,
  });
  const answer = await asked;
  expect(answer).toMatchObject({ stopped: 'user', text });
  const seconds = await waitFor('the slot is free', 2, async () => (await slotsBusy()) === 0);
  expect(seconds).toBeLessThan(1);
});

it('a request that waits can be given up, and leaves nothing behind', async () => {
  bench = makeBench({ slots: 1 });
  const first = bench.service.ask(question('Count to fifty.', { maxTokens: 60 }), silent);
  const stop = new AbortController();
  const second = bench.service.ask(question('Hello'), { ...silent, signal: stop.signal });
  stop.abort();
  expect(await second).toMatchObject({ stopped: 'user', tokens: 0 });
  expect((await first).stopped).not.toBe('user');
  expect(bench.service.router.schedule).toMatchObject({ waiting: [], running: new Map() });
});

it('an answer that takes too long is ended, with what had arrived', async () => {
  bench = makeBench();
  await bench.service.ask(question('Hello', { maxTokens: 1 }), silent);
  const asked = bench.service.ask(
    question('Tell me a long story.', { maxTokens: 1500, timeoutSeconds: 1.5 }),
    silent,
  );
  const error = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AnswerError);
  expect(error).toMatchObject({ code: 'answer-timeout' });
  expect((error as AnswerError).text.length).toBeGreaterThan(0);
});

it('eight conversations on two slots get the same within a tenth, and all get something', async () => {
  bench = makeBench({ slots: 2 });
  const tokens = new Array<number>(8).fill(0);
  let done = false;
  const talk = async (who: number): Promise<void> => {
    while (!done) {
      // Answers of different lengths: who asks for more gets no more.
      const maxTokens = 3 + (who % 4);
      const onText = (): void => {
        tokens[who] = (tokens[who] ?? 0) + 1;
        if (tokens.reduce((sum, count) => sum + count, 0) >= 640) done = true;
      };
      await bench.service.ask(
        question(`Tell me about the number ${who}.`, {
          conversation: `${who}`,
          maxTokens,
          temperature: 1,
          seed: who,
        }),
        { onText, onNotice: () => undefined },
      );
    }
  };
  await Promise.all(tokens.map((_, who) => talk(who)));
  expect(Math.min(...tokens) / Math.max(...tokens), String(tokens)).toBeGreaterThan(0.9);
});

it('several models are served by name, each request by its own', async () => {
  bench = makeBench({ slots: 2 });
  const other = sameModelAs('routing-test.gguf');
  try {
    const states: string[] = [];
    bench.service.supervisor.subscribe((state) => states.push(state.kind));
    const asks = [model, other, model, other].map((path, index) =>
      bench.service.ask(question(`Hello ${index}`, { model: path, maxTokens: 4 }), silent),
    );
    const answers = await Promise.all(asks);
    expect(answers.map((answer) => answer.model)).toEqual([model, other, model, other]);
    // Those for the same model go together: one swap, not three.
    expect(states.filter((kind) => kind === 'starting').length).toBe(2);
  } finally {
    rmSync(other, { force: true });
  }
});

it('is unloaded when it idles, and when its memory is wanted; the next request loads it again', async () => {
  bench = makeBench({ limits: { idleMs: 300 } });
  await bench.service.ask(question('Hello', { maxTokens: 2 }), silent);
  await waitFor('it is unloaded', 10, () => bench.service.state.kind === 'stopped');
  const work = await bench.service.supervisor.work(model);
  bench.service.supervisor.letGo();
  expect(bench.service.state.kind).toBe('busy'); // what runs is finished first
  work.end();
  await waitFor('it has let go', 10, () => bench.service.state.kind === 'stopped');
  expect((await bench.service.ask(question('Hello', { maxTokens: 2 }), silent)).tokens).toBeGreaterThan(0);
});

it('stops within its grace while it answers, without being killed', async () => {
  bench = makeBench();
  let begun = false;
  const asked = bench.service
    .ask(question('Tell me a long story.', { maxTokens: 1500 }), {
      onText: () => (begun = true),
      onNotice: () => undefined,
    })
    .catch((error: unknown) => error);
  await waitFor('it answers', 60, () => begun);
  const states: unknown[] = [];
  bench.service.supervisor.subscribe((state) => states.push(state));
  const began = performance.now();
  await bench.service.supervisor.stop();
  expect((performance.now() - began) / 1000).toBeLessThan(5);
  expect(bench.service.state.kind).toBe('stopped');
  expect(await asked).toMatchObject({ code: 'answer-cut' });
});

it('a server that somebody else runs is asked by the common interface', async () => {
  bench = makeBench();
  const work = await bench.service.supervisor.work(model);
  try {
    const endpoint = externalEndpoint(`${work.endpoint.url}/v1/`, work.endpoint.key);
    const signal = AbortSignal.timeout(60_000);
    const named = await externalModel(endpoint, null, signal);
    expect(named).toContain('SmolLM2');
    let text = '';
    const answer = await bench.service.askExternal(
      endpoint,
      question('Say hello.', { model: named, maxTokens: 8 }),
      {
        onText: (piece) => (text += piece),
        onNotice: () => undefined,
      },
    );
    expect(answer).toMatchObject({ text, stopped: 'limit', tokens: 8, valid: null });
    const denied = bench.service.askExternal(
      { ...endpoint, key: 'wrong' },
      question('Hello', { model: named }),
      silent,
    );
    await expect(denied).rejects.toMatchObject({ code: 'server-denied', status: 4 });
  } finally {
    work.end();
  }
  const nobody = bench.service.askExternal(
    { url: 'http://127.0.0.1:9', key: null },
    question('Hello'),
    silent,
  );
  await expect(nobody).rejects.toMatchObject({ code: 'server-unreachable', status: 4 });
});

it('a conversation is written out as the server would write it, and without asking it', async () => {
  bench = makeBench();
  const work = await bench.service.supervisor.work(model);
  const write = async (messages: readonly ChatMessage[]): Promise<string> => {
    const { body } = await call(work.endpoint, {
      method: 'POST',
      path: '/apply-template',
      body: { messages },
    });
    return (body as { prompt: string }).prompt;
  };
  const talk = (...said: string[]): ChatMessage[] => [
    { role: 'system', content: 'You answer briefly.' },
    ...said.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }) as const),
  ];
  const templates = new Templates();
  const { signal } = new AbortController();
  const conversations = [
    talk('How high is the tower?'),
    talk('Wie hoch ist der Turm?\n\nUnd warum?'),
    talk('Hello.', 'Good day.', 'quoth0raven'),
    talk('Hello.', 'Good day.', 'And then?'),
    talk('  An edge of white space '),
    talk('A list: [1, 2]', '<think>so</think> Yes.', 'Why?'),
    [{ role: 'user', content: 'No system prompt.' }] satisfies ChatMessage[],
  ];
  for (const messages of conversations)
    expect(await templates.apply(work.endpoint, messages, signal)).toBe(await write(messages));
  templates.prepareTurnAfter(work.endpoint, talk('Hello.', 'Good day.', 'And then?'));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const expected = await write(talk('Hello.', 'Good day.', 'And then?', 'This.', 'Thanks.'));
  work.end();
  await bench.service.supervisor.stop();
  // No server is left that could be asked.
  const next = talk('Hello.', 'Good day.', 'And then?', 'This.', 'Thanks.');
  expect(await templates.apply(work.endpoint, next, signal)).toBe(expected);
  await expect(templates.apply(work.endpoint, talk('[a list]'), signal)).rejects.toThrow(/does not answer/);
});
