// A llama-server without llguidance: what it can do is served rightly, what it cannot is refused before anything is
// sent. Left out where there is none; scripts/plain-server.mjs builds one.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { show, sluice } from '../lib/cli.mjs';
import { modelPath } from '../lib/language.mjs';
import { plainServer } from '../lib/plain-server.mjs';
import { serving } from '../lib/serving.mjs';
import { runRealServerTests } from '../lib/vitest.mjs';

export const name = 'plain-server';

// Why it is left out, or null.
export const missing = () =>
  plainServer() === null
    ? 'there is no llama-server without llguidance; node scripts/plain-server.mjs builds one'
    : null;

async function checkCommand(check, env, place) {
  const file = (name, text) => {
    writeFileSync(join(place, name), text);
    return join(place, name);
  };
  const answers = [
    [file('colour.gbnf', 'root ::= "red" | "green"\n'), /^(red|green)$/],
    [
      file('answer.json', '{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}'),
      /^\{\s*"ok"/,
    ],
  ];
  const ask = (grammar) =>
    sluice(['ask', '--prompt', 'Answer.', '--seed', '2', '--max-tokens', '60', '--grammar', grammar], {
      env,
    });
  for (const [grammar, pattern] of answers) {
    const result = await ask(grammar);
    const fits = result.code === 0 && result.last?.valid === true && pattern.test(result.last.text);
    check(`ask --grammar ${grammar.slice(place.length + 1)}`, fits, show(result));
    check('what the server cannot do is told', /takes no Lark/.test(result.stderr), show(result));
  }
  const refused = [
    [file('count.lark', 'start: "count " /[0-9]{1,3}/\n'), /no llguidance, and it is written in Lark/],
    [file('thirds.json', '{"type":"integer","multipleOf":3}'), /no llguidance, and "multipleOf"/],
  ];
  for (const [grammar, message] of refused) {
    const result = await ask(grammar);
    const told = result.last?.code === 'grammar-unsupported' && message.test(result.last.message);
    check(
      `status 3, with what to do: --grammar ${grammar.slice(place.length + 1)}`,
      result.code === 3 && told && result.last.hint !== '',
      show(result),
    );
  }
}

async function checkServing(check, env) {
  const body = { messages: [{ role: 'user', content: 'Yes or no?' }], max_tokens: 20, seed: 1 };
  await serving(
    ['--no-token'],
    async ({ url }) => {
      const ask = (more) =>
        fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ ...body, ...more }) });
      const whole = await (await ask({})).json();
      check('serve: free text', whole.choices?.[0]?.message?.content?.length > 0, JSON.stringify(whole));
      const format = (schema) => ({
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
      });
      const held = await (await ask(format({ enum: ['yes', 'no'] }))).json();
      check(
        'serve: response_format',
        /^"(yes|no)"$/.test(held.choices?.[0]?.message?.content) && held.sluice?.valid === true,
        JSON.stringify(held),
      );
      const steered = await (await ask({ grammar: 'root ::= "left" | "right"', stream: true })).text();
      check(
        'serve: grammar, streamed',
        /"valid":true/.test(steered) && steered.endsWith('data: [DONE]\n\n'),
        steered,
      );
      for (const [what, more] of [
        ['Lark', { grammar: '%llguidance {}\nstart: "left" | "right"' }],
        ['more than GBNF can say', format({ type: 'integer', multipleOf: 3 })],
      ]) {
        const answer = await ask(more);
        const { error } = await answer.json();
        const told = answer.status === 400 && error?.code === 'grammar-unsupported';
        check(`serve: ${what} is refused`, told, JSON.stringify(error));
      }
      const after = await ask({});
      check('serve: and the server lives on', after.status === 200, await after.text());
    },
    env,
  );
}

export async function run(check) {
  const server = plainServer();
  const ready = server !== null && existsSync(server) && existsSync(modelPath);
  if (!check('there are a plain llama-server and a model', ready, missing() ?? modelPath)) return;
  const env = { SLUICE_LLAMA_SERVER: server };
  const place = mkdtempSync(join(tmpdir(), 'sluice-plain-'));
  try {
    await runRealServerTests(check, 'plain', {
      report: 'plain-server',
      where: 'against the plain server',
      env,
    });
    await checkCommand(check, env, place);
    await checkServing(check, env);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
