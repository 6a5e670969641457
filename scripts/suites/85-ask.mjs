// The language model: the tests against the real llama-server, then the command line and the HTTP server from outside.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { show, sluice, sluicePlain } from '../lib/cli.mjs';
import { countBy, generateAll, taskOf } from '../lib/constrained.mjs';
import { currentServer, modelPath } from '../lib/language.mjs';
import { loadLanguage } from '../lib/language-service.mjs';
import { cliProgram } from '../lib/paths.mjs';
import { serving } from '../lib/serving.mjs';
import { runRealServerTests } from '../lib/vitest.mjs';

export const name = 'ask';

const required = [
  'text',
  'tokens',
  'seconds',
  'tokens_per_second',
  'first_token_seconds',
  'valid',
  'stopped',
];

async function checkAsking(check) {
  const base = ['ask', '--prompt', 'Name three colours.', '--seed', '5', '--temperature', '0'];
  const first = await sluice([...base, '--max-tokens', '12']);
  const ok = check('ask answers', first.code === 0 && first.last?.event === 'done', show(first));
  if (!ok) return; // everything below would only repeat this
  const missing = required.filter((key) => !(key in first.last));
  check('done carries every figure', missing.length === 0, `missing: ${missing.join(', ')}`);
  const streamed = first.events.filter((event) => event.event === 'text').map((event) => event.text);
  check('the text is streamed', streamed.length > 1 && streamed.join('') === first.last.text, show(first));
  check('valid is null without a grammar', first.last.valid === null, show(first));
  const short = await sluice([...base, '--max-tokens', '3']);
  check('a limit is told', short.last?.stopped === 'limit' && short.last.tokens === 3, show(short));
  const again = await sluice([...base, '--max-tokens', '12']);
  check('the same seed answers the same', again.last?.text === first.last.text, show(again));

  const { last } = await sluice(['models']);
  const listed = last?.models?.find(({ path }) => path === modelPath);
  const told = listed?.kind === 'language' && listed.licence === 'apache-2.0' && listed.fits === true;
  check('models lists it with licence and fit', told, JSON.stringify(last));

  const plain = await sluicePlain(['ask', '--max-tokens', '4', '--seed', '1'], { input: 'Say hello.' });
  check('the prompt may come on standard input', plain.code === 0 && plain.stdout.trim() !== '', show(plain));
  const stopped = await sluice(['ask', '--prompt', 'Tell me a long story.', '--max-tokens', '2000'], {
    signalAfter: { signal: 'SIGINT', when: (stdout) => stdout.includes('"event":"text"') },
  });
  const ended = stopped.code === 130 && stopped.last?.event === 'done' && stopped.last.stopped === 'user';
  check('Ctrl-C ends with status 130, and what had come', ended && stopped.last.text !== '', show(stopped));
  check('within two seconds', stopped.secondsAfterSignal < 2, `${stopped.secondsAfterSignal} s`);
}

async function checkGrammars(check, place) {
  const at = (file) => join(place, file);
  const { service, library, grammarText, readAnswer } = await loadLanguage({
    log: at('server.log'),
    slots: 4,
    threads: 1,
    contextTokens: 4096,
  });
  try {
    const grammars = library();
    const tasks = Array.from({ length: 3 * grammars.length }, (_, index) => taskOf(index, grammars));
    const records = [];
    const onRecord = (record) => records.push(record);
    const place = { service, library: grammars, grammarText, readAnswer, model: modelPath };
    await generateAll(tasks, { ...place, parallel: 4, onRecord });
    for (const [grammar, { asked, valid, cut, wrong }] of countBy(records, 'grammar')) {
      const why = JSON.stringify(records.filter((record) => record.outcome === 'wrong'));
      check(`${grammar}: ${valid} valid, ${cut} cut off, none wrong`, wrong === 0 && asked === 3, why);
    }
  } finally {
    await service.close();
  }

  writeFileSync(at('colour.gbnf'), 'root ::= "red" | "green" | "blue"\n');
  writeFileSync(at('count.lark'), 'start: "count " /[0-9]{1,3}/\n');
  writeFileSync(
    at('answer.json'),
    JSON.stringify({
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
      additionalProperties: false,
    }),
  );
  writeFileSync(at('answer.schema'), readFileSync(at('answer.json')));
  const answers = [
    ['--grammar', 'colour.gbnf', /^(red|green|blue)$/],
    ['--grammar', 'count.lark', /^count [0-9]{1,3}$/],
    ['--grammar', 'answer.json', /^\s*\{\s*"ok"/],
    ['--schema', 'answer.schema', /^\s*\{\s*"ok"/],
  ];
  for (const [flag, file, pattern] of answers) {
    const args = ['ask', '--prompt', 'Answer.', flag, at(file), '--seed', '2', '--max-tokens', '60'];
    const result = await sluice(args);
    const fits = result.code === 0 && result.last?.valid === true && pattern.test(result.last.text);
    check(`ask ${flag} ${file}`, fits, show(result));
  }
  writeFileSync(at('broken.gbnf'), 'root ::= "red" |\nroot ::= (\n');
  writeFileSync(at('broken.lark'), 'start: "a" unknown_rule\n');
  writeFileSync(at('unsupported.json'), JSON.stringify({ type: 'object', not: { required: ['a'] } }));
  for (const [file, message] of [
    ['broken.gbnf', /broken\.gbnf cannot be used: line \d+, column \d+/],
    ['broken.lark', /broken\.lark .*unknown_rule/],
    ['unsupported.json', /unsupported\.json .*\bnot\b/],
  ]) {
    // A server that does not exist: what is wrong with a grammar is told before one is looked for.
    const env = { SLUICE_LLAMA_SERVER: at('nosuch') };
    const result = await sluice(['ask', '--prompt', 'a', '--grammar', at(file)], { env });
    const told = result.last?.event === 'error' && message.test(result.last.message);
    check(`status 3: --grammar ${file}, before anything is sent`, result.code === 3 && told, show(result));
  }
}

async function checkRefusals(check, place) {
  const at = (file) => join(place, file);
  writeFileSync(at('empty.gbnf'), '\n');
  writeFileSync(at('noise.gguf'), 'this is no model');
  const prompt = ['ask', '--prompt', 'a'];
  const table = [
    [['ask'], 2, /--prompt/],
    [[...prompt, '--temperature', 'hot'], 2, /--temperature/],
    [[...prompt, '--speed', '9'], 2, /--speed/],
    [[...prompt, '--model', 'nosuch'], 2, /nosuch/],
    [[...prompt, '--grammar-name', 'nosuch'], 2, /nosuch|not there/],
    [[...prompt, '--grammar', at('x.txt')], 2, /x\.txt/],
    [[...prompt, '--schema', at('x.json'), '--grammar-name', 'palette'], 2, /exclude each other/],
    [[...prompt, '--server', 'nonsense'], 2, /nonsense/],
    [[...prompt, '--max-tokens', '0'], 3, /--max-tokens/],
    [[...prompt, '--model', at('missing.gguf')], 3, /missing\.gguf/],
    [[...prompt, '--model', at('noise.gguf')], 3, /noise\.gguf/],
    [[...prompt, '--grammar', at('missing.gbnf')], 3, /missing\.gbnf/],
    [[...prompt, '--grammar', at('empty.gbnf')], 3, /empty/],
    [[...prompt, '--server', 'http://127.0.0.1:9'], 4, /127\.0\.0\.1:9/],
  ];
  for (const [args, status, message] of table) {
    const result = await sluice(args, { input: '' });
    const told =
      result.last?.event === 'error' && message.test(`${result.last.message}\n${result.last.hint}`);
    check(
      `status ${status}: ${args.slice(3).join(' ') || 'no prompt'}`,
      result.code === status && told,
      show(result),
    );
  }
  const noise = await sluice(['models', 'verify', at('noise.gguf')]);
  check(
    'status 3: models verify noise.gguf',
    noise.code === 3 && /noise\.gguf/.test(noise.last?.message),
    show(noise),
  );
  const none = await sluice(prompt, { env: { SLUICE_LLAMA_SERVER: at('nosuch-server') } });
  check('status 4 without a server, with what to do', none.code === 4 && none.last?.hint !== '', show(none));
}

async function checkServing(check) {
  const body = { messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 4, seed: 1 };
  const { code, seconds } = await serving(['--token', 'secret'], async ({ url }) => {
    const ask = (path, more = {}, headers = { authorization: 'Bearer secret' }) =>
      fetch(`${url}${path}`, {
        method: more.method ?? 'POST',
        headers,
        ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
      });
    const chat = '/v1/chat/completions';
    check('serve: no token, no answer', (await ask('/v1/models', { method: 'GET' }, {})).status === 401);
    const basic = { authorization: `Basic ${Buffer.from('user:secret').toString('base64')}` };
    const models = await ask('/v1/models', { method: 'GET' }, basic);
    const list = await models.json();
    check(
      'serve: models are listed, also by a Basic login',
      list.data?.some(({ id }) => /SmolLM2/.test(id)),
      JSON.stringify(list),
    );
    const whole = await (await ask(chat, { body })).json();
    check(
      'serve: a chat completion',
      typeof whole.choices?.[0]?.message?.content === 'string',
      JSON.stringify(whole),
    );
    const streamed = await (await ask(chat, { body: { ...body, stream: true } })).text();
    const events = streamed.split('\n\n').filter(Boolean);
    check('serve: streamed, to its [DONE]', events.length > 3 && events.at(-1) === 'data: [DONE]', streamed);
    const format = { type: 'json_schema', json_schema: { name: 'a', schema: { enum: ['yes', 'no'] } } };
    const held = await (
      await ask(chat, { body: { ...body, max_tokens: 20, response_format: format } })
    ).json();
    const answer = held.choices?.[0]?.message?.content;
    check(
      'serve: response_format',
      /^\s*"(yes|no)"\s*$/.test(answer) && held.sluice?.valid === true,
      JSON.stringify(held),
    );
    const grammar = 'root ::= "left" | "right"';
    const steered = await (
      await ask(chat, { body: { ...body, stream: true, max_tokens: 20, grammar } })
    ).text();
    const chunks = steered.match(/^data: \{.*$/gm).map((line) => JSON.parse(line.slice(6)));
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    const ended = steered.endsWith('data: [DONE]\n\n') && chunks.at(-1).sluice?.valid === true;
    check('serve: grammar, streamed', ended && /^(left|right)$/.test(text), steered);
    const refused = await ask(chat, { body: { ...body, grammar: 'root ::= (' } });
    check('serve: an invalid grammar is refused', refused.status === 400, await refused.text());
    const wrong = await ask(chat, { body: { messages: [] } });
    check(
      'serve: what cannot be read is refused',
      wrong.status === 400 && (await wrong.json()).error?.message !== '',
    );
    check('serve: unknown paths', (await ask('/nowhere')).status === 404);
    check('serve: wrong methods', (await ask('/v1/models', {})).status === 405);
  });
  check(
    'serve: ends on Ctrl-C with status 130 within two seconds',
    code === 130 && seconds < 2,
    `${code}, ${seconds} s`,
  );
}

export async function run(check) {
  const ready = currentServer() !== null && existsSync(modelPath) && existsSync(cliProgram);
  const why = 'see what set-up said about llama-server and its model above';
  if (!check('set-up has brought llama-server and its model', ready, why)) return;
  await runRealServerTests(check, '1', { report: 'ask', where: 'against the real server' });
  const place = mkdtempSync(join(tmpdir(), 'sluice-ask-'));
  try {
    await checkAsking(check);
    await checkGrammars(check, place);
    await checkRefusals(check, place);
    await checkServing(check);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
