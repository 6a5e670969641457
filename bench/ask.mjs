// What our path adds to llama-server: the language service against a bare HTTP client of the same process.
//   node bench/ask.mjs [--first 200] [--pairs 40] [--tokens 48] [--threads 1] [--grammar palette]
//                      [--constrained] [--conversations 8] [--json]
//
// First tokens, --first requests of ours and twice as many bare ones, in turns, all through a relay that stamps bytes
// (scripts/lib/stamping-relay.mjs). `added` is our own share of the wait, and nothing else: from the call until the
// relay has the whole request, and from when it has the first text until the caller does. The hops to and from the relay
// are counted, which a bare client needs as well; its share is printed beside. Where ours has the server
// write a conversation out by a request of its own (the first of its kind), making it and reading it is ours, the server's
// work in it is not, because it does the same inside of a bare client's request, and is printed apart. Then the differences
// of whole waits in pairs: ours less bare, and bare less bare, which is what the server's unevenness alone makes of pairs.
//
// Throughput, --pairs pairs without the relay: the ratio as median with its 95% interval, and the share of one
// processor that our side used. `completion` is the same text each time, which both sides have written out already;
// `chat` is a new question each time, which ours writes out and the server does for a bare client. --constrained: under the grammar.
// Then so many conversations at once: what each gets of the tokens.
import { request as httpRequest, Agent } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { talkAtOnce } from '../scripts/lib/fairness.mjs';
import { cacheDir, modelPath } from '../scripts/lib/language.mjs';
import { loadLanguage } from '../scripts/lib/language-service.mjs';
import { startRelay } from '../scripts/lib/stamping-relay.mjs';
import { median, medianInterval, spread } from '../scripts/lib/statistics.mjs';

const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '200' },
    pairs: { type: 'string', default: '40' },
    tokens: { type: 'string', default: '48' },
    threads: { type: 'string', default: '1' },
    grammar: { type: 'string', default: 'palette' },
    constrained: { type: 'boolean', default: false },
    conversations: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
const [rounds, pairs, tokens, threads, conversations] = [
  values.first,
  values.pairs,
  values.tokens,
  values.threads,
  values.conversations,
].map(Number);

const agent = new Agent({ keepAlive: true, noDelay: true });

// The least that a client can do: one request, events split at blank lines, first text and end noted.
function direct(endpoint, path, body, onFirst, again = true) {
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
          if (content !== '' && first === null) {
            first = performance.now();
            onFirst();
          }
          if (content !== '') count++;
          if (data.tokens_predicted && data.stop) count = data.tokens_predicted;
        }
      });
      answer.on('end', () => {
        const seconds = (performance.now() - began) / 1000;
        resolve({ first: first - began, seconds, tokens: count });
      });
    });
    // As ours does: the server may have closed a connection that was kept.
    sent.on('error', (error) => {
      if (again && sent.reusedSocket) resolve(direct(endpoint, path, body, onFirst, false));
      else reject(error);
    });
    sent.end(text);
  });
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
// Found as the command line finds it, which looks through the places again every two seconds.
const places = { setting: null, packaged: '', path: process.env.PATH ?? '', cacheDir };
let { service, library, grammarText } = await loadLanguage({
  log: join(folder, 'server.log'),
  places,
  slots: 1,
  contextTokens: 2048,
  threads,
});
let relay = null;

try {
  // As long whatever the number, and new with it.
  const messagesOf = (number) => [
    { role: 'system', content: 'You answer with what is asked for and nothing else.' },
    { role: 'user', content: `Describe a harbour on a rainy night, with many colours. Picture ${number}.` },
  ];
  const messages = messagesOf(100);
  let number = 100;
  const chosen = library().find(({ name }) => name === values.grammar);
  if (chosen === undefined) throw new Error(`there is no grammar "${values.grammar}"`);
  const source = { kind: chosen.kind, text: grammarText(chosen), lenient: false, marker: null };

  const ours = async ({ seed, asked, grammar, maxTokens, onFirst }) => {
    const began = performance.now();
    const cpu = process.cpuUsage();
    let first = null;
    const request = {
      model: modelPath,
      messages: asked,
      grammar,
      conversation: 'bench',
      priority: 0,
      maxTokens,
      temperature: 0.8,
      topP: 0.95,
      seed,
      stop: [],
      timeoutSeconds: 600,
    };
    const onText = () => {
      if (first !== null) return;
      first = performance.now();
      onFirst();
    };
    const answer = await service.ask(request, { onText, onNotice: (text) => console.error(text) });
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { first: first - began, seconds, tokens: answer.tokens, cpu: (user + system) / 1e6 / seconds };
  };
  const nothing = () => undefined;

  // The first use: compiling the grammar, loading the model.
  const compileBegan = performance.now();
  const grammar = await service.grammar(source, (text) => console.error(text));
  const compileSeconds = (performance.now() - compileBegan) / 1000;
  const cold = await ours({ seed: 1, asked: messages, grammar: source, maxTokens: 8, onFirst: nothing });

  const capabilities = await service.capabilities();
  const { supervisor } = service;
  const startWork = supervisor.work.bind(supervisor);
  const work = await startWork(modelPath);
  const { endpoint } = work;
  work.end();
  const template = await fetch(`${endpoint.url}/apply-template`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.key}` },
    body: JSON.stringify({ messages }),
  });
  const { prompt } = await template.json();
  const sent = grammar.toServer(capabilities)?.grammar;
  if (sent === undefined) throw new Error(`${capabilities.path} cannot enforce ${values.grammar}`);
  const common = { stream: true, cache_prompt: true, temperature: 0.8, top_p: 0.95, id_slot: 0 };

  // Each way: how a bare client asks, and what ours is given for the same.
  const completion = (held) => ({
    bare: (to, seed, asked, maxTokens, onFirst) =>
      direct(to, '/completion', { ...common, prompt, n_predict: maxTokens, seed, ...held }, onFirst),
    grammar: 'grammar' in held ? source : null,
    next: () => messages,
  });
  const ways = {
    completion: completion({}),
    constrained: completion({ grammar: sent }),
    chat: {
      bare: (to, seed, asked, maxTokens, onFirst) =>
        direct(
          to,
          '/v1/chat/completions',
          { ...common, messages: asked, max_tokens: maxTokens, seed },
          onFirst,
        ),
      grammar: null,
      next: () => messagesOf(++number),
    },
  };

  const results = { server: capabilities.path, load: loadavg()[0], rounds, pairs, tokens, threads };
  results.grammar = {
    name: values.grammar,
    compile_seconds: compileSeconds,
    first_use_seconds: cold.seconds,
  };

  async function firstTokens({ bare, grammar: held, next }) {
    const stamped = async (ask, tries = 5) => {
      relay.reset();
      let text = null;
      const entry = relay.now();
      const { first } = await ask(() => (text = relay.now()), tries);
      if (text !== null) await relay.stamped();
      const stamps = relay.stamps();
      // The only token was an end, or half a character.
      if (text === null && stamps.first === null && tries > 0) return stamped(ask, tries - 1);
      const before = stamps.sent - entry - stamps.others;
      const after = text - stamps.first;
      // A stamp that is missing, or out of order, would make every figure a lie.
      if (!(before > 0 && after > 0 && stamps.first > stamps.sent))
        throw new Error(`stamps out of order: ${JSON.stringify({ entry, ...stamps, text })}`);
      return { wait: first, before, after, added: before + after, others: stamps.others };
    };
    const through = { ...endpoint, url: relay.url };
    const askBare = (seed) =>
      stamped((onFirst, tries) => bare(through, seed + tries, next(), 1, onFirst));
    const askOurs = (seed) =>
      stamped((onFirst, tries) =>
        ours({ seed: seed + tries, asked: next(), grammar: held, maxTokens: 1, onFirst }),
      );
    const order = [
      ['ours', askOurs],
      ['bare', askBare],
      ['again', askBare],
    ];
    for (let warm = 0; warm < 5; warm++) for (const [, ask] of order) await ask(warm);
    const all = { ours: [], bare: [], again: [] };
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < order.length; at++) {
        const [who, ask] = order[(round + at) % order.length];
        all[who].push(await ask(10 * (100 + round)));
      }
    }
    const of = (who, what) => all[who].map((request) => request[what]);
    const differences = (one, other) =>
      all[one].map(({ wait }, round) => wait - all[other][round].wait);
    return {
      added_ms: spread(of('ours', 'added')),
      before_request_ms: spread(of('ours', 'before')),
      after_token_ms: spread(of('ours', 'after')),
      bare_added_ms: spread([...of('bare', 'added'), ...of('again', 'added')]),
      template_ms: spread(of('ours', 'others')),
      wait_ms: spread(of('bare', 'wait')),
      ours_less_bare_ms: { ...spread(differences('ours', 'bare')), interval: medianInterval(differences('ours', 'bare')) },
      bare_less_bare_ms: spread(differences('again', 'bare')),
    };
  }

  if (rounds > 0) {
    relay = await startRelay(endpoint.url);
    // The service goes through the relay too: what it works on is the same server under the relay's address.
    supervisor.work = async (...wanted) => {
      const begun = await startWork(...wanted);
      return { ...begun, endpoint: { ...begun.endpoint, url: relay.url } };
    };
    results.first_token = {};
    for (const [way, how] of Object.entries(ways)) results.first_token[way] = await firstTokens(how);
    supervisor.work = startWork;
  }

  async function throughput({ bare, grammar: held, next }) {
    const asOurs = (seed) => ours({ seed, asked: next(), grammar: held, maxTokens: tokens, onFirst: nothing });
    const asBare = (seed) => bare(endpoint, seed, next(), tokens, nothing);
    await asBare(1);
    await asOurs(1);
    const ratios = [];
    const shares = [];
    for (let pair = 0; pair < pairs; pair++) {
      const seed = 100 + pair;
      const oursFirst = pair % 2 === 0;
      let mine = oursFirst ? await asOurs(seed) : null;
      const theirs = await asBare(seed);
      mine ??= await asOurs(seed);
      ratios.push(mine.tokens / mine.seconds / (theirs.tokens / theirs.seconds));
      shares.push(mine.cpu);
    }
    return { ratio: median(ratios), ratio_interval: medianInterval(ratios), processor_share: median(shares) };
  }

  if (pairs > 0) {
    results.throughput = {};
    for (const way of values.constrained ? ['constrained'] : ['completion', 'chat'])
      results.throughput[way] = await throughput(ways[way]);
  }

  if (conversations > 0) {
    await service.close();
    ({ service } = await loadLanguage({
      log: join(folder, 'talks.log'),
      places,
      slots: 4,
      contextTokens: 4096,
      threads,
    }));
    results.fairness = await talkAtOnce({ service, model: modelPath, conversations, total: 160 * conversations });
  }

  if (values.json) console.log(JSON.stringify(results, null, 2));
  else print(results);
} finally {
  await relay?.close();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
}

function print(results) {
  const range = (numbers, places) => numbers.map((figure) => figure.toFixed(places)).join(' to ');
  const times = ({ median: middle, p95, p99, most }) =>
    `median ${middle.toFixed(2)} ms, 95% ${p95.toFixed(2)}, 99% ${p99.toFixed(2)}, most ${most.toFixed(2)}`;
  console.log(`server ${results.server}, ${threads} threads, machine load ${results.load.toFixed(2)} at the start`);
  const { name, compile_seconds: compiled, first_use_seconds: used } = results.grammar;
  console.log(
    `grammar ${name}: compiled in ${(compiled * 1000).toFixed(1)} ms; first use, with loading, ${used.toFixed(2)} s`,
  );
  for (const [way, found] of Object.entries(results.first_token ?? {})) {
    console.log(`first token, ${way}, ${rounds} requests:`);
    console.log(`  added by us         ${times(found.added_ms)}`);
    console.log(`    before the request  ${times(found.before_request_ms)}`);
    console.log(`    after the token     ${times(found.after_token_ms)}`);
    if (found.template_ms.median > 0) console.log(`  server, for the template  ${times(found.template_ms)}`);
    console.log(`  by a bare client    ${times(found.bare_added_ms)}`);
    console.log(`  the whole wait, bare ${times(found.wait_ms)}`);
    console.log(
      `  pairs, ours less bare ${times(found.ours_less_bare_ms)} (median ${range(found.ours_less_bare_ms.interval, 2)})`,
    );
    console.log(`  pairs, bare less bare ${times(found.bare_less_bare_ms)}`);
  }
  for (const [way, found] of Object.entries(results.throughput ?? {})) {
    console.log(
      `throughput against ${way}, ${pairs} pairs of ${tokens} tokens: ${found.ratio.toFixed(4)} (${range(found.ratio_interval, 4)}), ` +
        `our processor share ${(found.processor_share * 100).toFixed(1)}%`,
    );
  }
  if (results.fairness !== undefined) {
    const { tokens: had, ratio, longestWaitSeconds } = results.fairness;
    console.log(
      `${conversations} conversations on 4 slots: ${had.join(', ')} tokens, least to most ${ratio.toFixed(3)}; ` +
        `the longest wait for a next token ${longestWaitSeconds.toFixed(2)} s`,
    );
  }
}
