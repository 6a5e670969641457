import { randomInt } from 'node:crypto';
import { Status } from '../../src-preload/contract/errors.ts';
import type { LibraryGrammar } from '../../src-preload/contract/grammar.ts';
import type { Answer, AskRequest, ChatMessage, GrammarSource } from '../../src-preload/contract/language.ts';
import { externalEndpoint, externalModel } from '../llama/external.ts';
import { Flags, inputError, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { readGrammarFile, readTextFile } from './grammar-files.ts';
import { grammarLibrary, libraryGrammarText } from '../services/grammars.ts';
import { languageModel, sharedLanguage } from '../services/language.ts';
import { duration, type Output } from './output.ts';
import type { Stop } from './stop.ts';

async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY) return '';
  process.stdin.setEncoding('utf8');
  let text = '';
  for await (const piece of process.stdin as AsyncIterable<string>) text += piece;
  return text.trim();
}

interface Chosen {
  source: GrammarSource | null;
  what: string; // for errors
  library: LibraryGrammar | null;
}

function chooseGrammar(flags: Flags): Chosen {
  const schema = flags.text('schema');
  const file = flags.text('grammar') ?? schema;
  const name = flags.text('grammar-name');
  const lenient = flags.flag('lenient');
  const marker = flags.text('marker');
  const given = ['grammar', 'schema', 'grammar-name'].filter((flag) => flags.has(flag));
  if (given.length > 1)
    throw usageError(`${given.map((flag) => `--${flag}`).join(' and ')} exclude each other`);
  if (marker !== null && given.length === 0) throw usageError('--marker needs a grammar');
  if (marker === '') throw usageError('--marker: expected a text, found none');
  if (file !== null) {
    const { kind, text } =
      schema === null
        ? readGrammarFile(file, ' --schema takes a JSON schema whatever its ending.')
        : { kind: 'json-schema' as const, text: readTextFile('schema', file) };
    const what = `the ${schema === null ? 'grammar' : 'schema'} ${file}`;
    if (text.trim() === '')
      throw inputError('grammar-invalid', `${what} is empty`, `Write one, or leave --${given[0] ?? ''} out.`);
    return { source: { kind, text, lenient, marker }, what, library: null };
  }
  if (name === null) return { source: null, what: '', library: null };
  const all = grammarLibrary();
  const found = all.find((grammar) => grammar.name === name);
  if (found === undefined) {
    const names = all.map((grammar) => grammar.name).join(', ');
    throw usageError(
      `--grammar-name: there is no grammar "${name}"; there are ${names}`,
      '',
      'unknown-grammar',
    );
  }
  const source = { kind: found.kind, text: libraryGrammarText(found), lenient, marker };
  return { source, what: `the grammar ${name}`, library: found };
}

function report(answer: Answer, model: string): { fields: Record<string, unknown>; line: string } {
  const fields = {
    text: answer.text,
    tokens: answer.tokens,
    seconds: answer.seconds,
    tokens_per_second: answer.tokensPerSecond,
    first_token_seconds: answer.firstTokenSeconds,
    valid: answer.valid,
    stopped: answer.stopped,
    model,
    prompt_tokens: answer.promptTokens,
    cached_tokens: answer.cachedTokens,
    wait_seconds: answer.waitSeconds,
  };
  const judged = answer.valid === null ? '' : answer.valid ? ', valid' : ', not valid';
  const why = { end: '', limit: ', cut off at its limit', user: ', stopped' }[answer.stopped];
  const line = `${answer.tokens} tokens in ${duration(answer.seconds)}, ${answer.tokensPerSecond.toFixed(1)} a second${judged}${why}`;
  return { fields, line };
}

// Text for people goes out as it comes; for programs as events.
function streamTo(output: Output): (piece: string) => void {
  if (output.json) return (text) => output.event('text', { text });
  return (text) => void process.stdout.write(text);
}

async function answer(
  request: Omit<AskRequest, 'model'>,
  { model, server, grammar }: { model: string | null; server: string | null; grammar: string },
  output: Output,
  stop: Stop,
): Promise<{ answer: Answer; model: string; notices: readonly string[] }> {
  const cancel = new AbortController();
  const leave = stop.onAsked(() => cancel.abort());
  const onText = streamTo(output);
  const hooks = { onText, onNotice: (text: string) => output.log(text), signal: cancel.signal };
  const path = server === null ? languageModel(model) : '';
  const service = sharedLanguage({ slots: 1, model: path, limits: { graceMs: 300 } }); // it has nothing to save
  const quiet = service.supervisor.subscribe((state) => {
    const began = performance.now();
    if (state.kind === 'loading')
      output.progress({
        stage: 'load',
        step: Math.round(state.progress * 100),
        steps: 100,
        seconds: began / 1000,
      });
  });
  try {
    // An invalid grammar is told before a server is looked for.
    if (request.grammar !== null) await service.grammar(request.grammar, () => undefined, grammar);
    if (server !== null) {
      const endpoint = externalEndpoint(server, process.env['SLUICE_SERVER_KEY'] ?? null);
      const named = await externalModel(endpoint, model, cancel.signal);
      return {
        answer: await service.askExternal(endpoint, { ...request, model: named }, hooks),
        model: named,
        notices: [],
      };
    }
    const made = await service.ask({ ...request, model: path }, hooks);
    return { answer: made, model: path, notices: service.notices };
  } finally {
    quiet();
    leave();
    await service.close();
  }
}

export const ask: Command = {
  name: 'ask',
  summary: 'asks a language model, whose answer can be held to a grammar',
  usage: [
    'sluice ask --prompt TEXT        (or the prompt on standard input)',
    '  --system TEXT  --model NAME|PATH.gguf  --max-tokens N  --temperature F  --top-p F  --seed N  --timeout SECONDS',
    '  --grammar FILE                .gbnf, .lark (as llguidance takes it) or .json (a JSON schema)',
    '  --schema FILE                 a JSON schema, whatever its ending',
    "  --grammar-name NAME           one of the library's",
    '  --lenient                     go on without what of a schema cannot be enforced',
    '  --marker TEXT                 free text up to TEXT, then the grammar',
    '  --server URL                  an OpenAI-compatible server that runs already; its key: SLUICE_SERVER_KEY',
    '  --json',
  ].join('\n'),
  options: {
    prompt: { type: 'string' },
    system: { type: 'string' },
    model: { type: 'string' },
    grammar: { type: 'string' },
    schema: { type: 'string' },
    'grammar-name': { type: 'string' },
    lenient: { type: 'boolean' },
    marker: { type: 'string' },
    'max-tokens': { type: 'string' },
    temperature: { type: 'string' },
    'top-p': { type: 'string' },
    seed: { type: 'string' },
    timeout: { type: 'string' },
    server: { type: 'string' },
  },
  async run(given, output, stop) {
    if (given.positionals.length > 0) {
      throw usageError(
        `ask takes flags only, found "${given.positionals.join(' ')}"`,
        'Give the prompt by --prompt, in quotes.',
      );
    }
    const flags = new Flags(given);
    const { source, what, library } = chooseGrammar(flags);
    const prompt = flags.text('prompt') ?? (await readStandardInput());
    if (prompt.trim() === '')
      throw usageError('--prompt is missing', 'Give it by the flag or on standard input.');
    const system =
      flags.text('system') ?? (library === null || library.system === '' ? null : library.system);
    const messages: ChatMessage[] = [
      ...(system === null ? [] : [{ role: 'system', content: system } as const]),
      { role: 'user', content: prompt },
    ];
    const request: Omit<AskRequest, 'model'> = {
      messages,
      grammar: source,
      conversation: null,
      priority: 0,
      maxTokens: flags.whole('max-tokens', 512, { min: 1, max: 1_000_000 }),
      temperature: flags.number('temperature', 0.7, { min: 0, max: 10 }),
      topP: flags.number('top-p', 0.95, { min: 0.001, max: 1 }),
      seed: flags.whole('seed', randomInt(0x7fffffff), { min: 0, max: 0xfffffffe }),
      stop: [],
      timeoutSeconds: flags.number('timeout', 600, { min: 0.1, max: 86_400 }),
    };
    const place = { model: flags.text('model'), server: flags.text('server'), grammar: what };
    const made = await answer(request, place, output, stop);
    const { fields, line } = report(made.answer, made.model);
    // The answer's last line ends before anything else is said.
    if (!output.json) process.stdout.write('\n');
    for (const notice of made.notices) output.log(notice);
    if (output.json) output.done({ ...fields, seed: request.seed }, []);
    else output.log(line);
    if (made.answer.stopped === 'user') return Status.cancelled;
    return Status.ok;
  },
};
