// What our path adds to llama-server: pairs of the same question, once through the language service and once from a
// bare HTTP client to the same process, in turns and in changing order.
//   node bench/ask.mjs [--pairs 50] [--tokens 64] [--threads N] [--grammar NAME] [--conversations 8] [--json]
// Prints the paired ratio of throughput and the paired difference of first-token times, each as the median with its
// 95% interval (bootstrap) and, for times, the 99th percentile; the share of one processor that our side used; and
// apart, what the first use of a grammar costs. Like is compared with like: `completion` is the same text, which both
// sides have written out already; `chat` is a new question each time, which the server writes out for either.
// Then so many conversations at once: what each gets of the tokens.
import { request as httpRequest, Agent } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { talkAtOnce } from '../scripts/lib/fairness.mjs';
import { cacheDir, currentServer, modelPath } from '../scripts/lib/language.mjs';
import { loadLanguage } from '../scripts/lib/language-service.mjs';

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '50' },
    tokens: { type: 'string', default: '64' },
    threads: { type: 'string', default: '1' },
    grammar: { type: 'string' },
    conversations: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
const pairs = Number(values.pairs);
const tokens = Number(values.tokens);

const agent = new Agent({ keepAlive: true, noDelay: true });

// The least that a client can do: one request, events split at blank lines, first text and end noted.
function direct(endpoint, path, body, again = true) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const text = JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${endpoint.key}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    const sent = httpRequest(`${endpoint.url}${path}`, { method: 'POST', headers, agent }, (answer) => {
      let first = null;
      let rest = '';
      let count = 0;
      answer.setEncoding('utf8').on('data', (piece) => {
        const events = (rest + piece).split('\n\n');
        rest = events.pop();
        for (const event of events) {
          if (!event.startsWith('data: {')) continue;
          const data = JSON.parse(event.slice(6));
          const content = data.content ?? data.choices?.[0]?.delta?.content ?? '';
          if (content !== '') first ??= performance.now();
          if (content !== '') count++;
          if (data.tokens_predicted && data.stop) count = data.tokens_predicted;
        }
      });
      answer.on('end', () => {
        const seconds = (performance.now() - began) / 1000;
        resolve({ first: (first - began) / 1000, seconds, tokens: count });
      });
    });
    // As ours does: the server may have closed a connection that was kept.
    sent.on('error', (error) => {
      if (again && sent.reusedSocket) resolve(direct(endpoint, path, body, false));
      else reject(error);
    });
    sent.end(text);
  });
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const quantile = (numbers, q) => {
  const all = sorted(numbers);
  return all[Math.min(all.length - 1, Math.floor(q * all.length))];
};
const median = (numbers) => {
  const all = sorted(numbers);
  return (all[Math.floor((all.length - 1) / 2)] + all[Math.ceil((all.length - 1) / 2)]) / 2;
};

// A small generator with a seed, so that the interval is the same for the same figures.
function interval(numbers) {
  let state = 12345;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const medians = Array.from({ length: 2000 }, () =>
    median(numbers.map(() => numbers[Math.floor(random() * numbers.length)])),
  );
  return [quantile(medians, 0.025), quantile(medians, 0.975)];
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
let { service, library, grammarText } = await loadLanguage({
  log: join(folder, 'server.log'),
  slots: 1,
  contextTokens: 2048,
  threads: Number(values.threads),
});

try {
  // As long whatever the number, and new with it.
  const messagesOf = (number) => [
    { role: 'system', content: 'You answer with what is asked for and nothing else.' },
    { role: 'user', content: `Describe a harbour on a rainy night, with many colours. Picture ${number}.` },
  ];
  const messages = messagesOf(100);
  const chosen = values.grammar === undefined ? null : library().find(({ name }) => name === values.grammar);
  const source =
    chosen === null ? null : { kind: chosen.kind, text: grammarText(chosen), lenient: false, marker: null };
  const ask = (seed, asked) => ({
    model: modelPath,
    messages: asked,
    grammar: source,
    conversation: 'bench',
    priority: 0,
    maxTokens: tokens,
    temperature: 0.8,
    topP: 0.95,
    seed,
    stop: [],
    timeoutSeconds: 600,
  });

  const ours = async (seed, asked) => {
    const began = performance.now();
    const cpu = process.cpuUsage();
    let first = null;
    const answer = await service.ask(ask(seed, asked), {
      onText: () => (first ??= performance.now()),
      onNotice: (text) => console.error(text),
    });
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - began) / 1000;
    return { first: (first - began) / 1000, seconds, tokens: answer.tokens, cpu: (user + system) / 1e6 / seconds };
  };

  // The first use: compiling the grammar, loading the model.
  const compileBegan = performance.now();
  const grammar = source === null ? null : await service.grammar(source, () => undefined);
  const compileSeconds = (performance.now() - compileBegan) / 1000;
  const cold = await ours(1, messages);

  const work = await service.supervisor.work(modelPath);
  const { endpoint } = work;
  work.end();
  const template = await fetch(`${endpoint.url}/apply-template`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.key}` },
    body: JSON.stringify({ messages }),
  });
  const { prompt } = await template.json();
  const sent = grammar?.toServer({ llguidance: true }).grammar;
  const common = { stream: true, cache_prompt: true, temperature: 0.8, top_p: 0.95, id_slot: 0 };
  const ways = {
    completion: (seed) =>
      direct(endpoint, '/completion', { ...common, prompt, n_predict: tokens, seed, ...(sent ? { grammar: sent } : {}) }),
    ...(sent === undefined
      ? {
          chat: (seed, asked) =>
            direct(endpoint, '/v1/chat/completions', { ...common, messages: asked, max_tokens: tokens, seed }),
        }
      : {}),
  };

  const results = { server: currentServer()?.path ?? null, cacheDir, pairs, tokens, threads: Number(values.threads) };
  results.grammar = { name: values.grammar ?? null, compile_seconds: compileSeconds, first_use_seconds: cold.seconds };
  for (const [way, bare] of Object.entries(ways)) {
    let number = 100;
    const next = () => (way === 'chat' ? messagesOf(++number) : messages);
    await bare(1, next());
    await ours(1, next());
    const ratios = [];
    const added = [];
    const shares = [];
    for (let pair = 0; pair < pairs; pair++) {
      const seed = 100 + pair;
      let mine;
      let theirs;
      if (pair % 2 === 0) {
        mine = await ours(seed, next());
        theirs = await bare(seed, next());
      } else {
        theirs = await bare(seed, next());
        mine = await ours(seed, next());
      }
      ratios.push(mine.tokens / mine.seconds / (theirs.tokens / theirs.seconds));
      added.push((mine.first - theirs.first) * 1000);
      shares.push(mine.cpu);
    }
    results[way] = {
      throughput_ratio: median(ratios),
      throughput_ratio_interval: interval(ratios),
      added_first_token_ms: median(added),
      added_first_token_ms_interval: interval(added),
      added_first_token_ms_p99: quantile(added, 0.99),
      processor_share: median(shares),
    };
  }
  const conversations = Number(values.conversations);
  if (conversations > 0) {
    await service.close();
    ({ service } = await loadLanguage({
      log: join(folder, 'talks.log'),
      slots: 4,
      contextTokens: 4096,
      threads: Number(values.threads),
    }));
    results.fairness = await talkAtOnce({ service, model: modelPath, conversations, total: 160 * conversations });
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
  else {
    const digits = (numbers, places) => numbers.map((number) => number.toFixed(places)).join(' to ');
    console.log(`${pairs} pairs of ${tokens} tokens, ${values.threads} threads, grammar ${values.grammar ?? 'none'}`);
    if (grammar !== null)
      console.log(`first use: compiled in ${(compileSeconds * 1000).toFixed(1)} ms; answered in ${cold.seconds.toFixed(2)} s`);
    for (const way of Object.keys(ways)) {
      const r = results[way];
      console.log(`against ${way}:`);
      console.log(`  throughput ${r.throughput_ratio.toFixed(4)} (${digits(r.throughput_ratio_interval, 4)})`);
      console.log(
        `  added to the first token ${r.added_first_token_ms.toFixed(2)} ms (${digits(r.added_first_token_ms_interval, 2)}), ` +
          `99th percentile ${r.added_first_token_ms_p99.toFixed(2)} ms`,
      );
      console.log(`  our processor share ${(r.processor_share * 100).toFixed(1)}%`);
    }
    if (results.fairness !== undefined) {
      const { tokens: had, ratio, longestWaitSeconds } = results.fairness;
      console.log(`${conversations} conversations on 4 slots: ${had.join(', ')} tokens, least to most ${ratio.toFixed(3)}`);
      console.log(`  the longest wait for a next token ${longestWaitSeconds.toFixed(2)} s`);
    }
  }
} finally {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
}
