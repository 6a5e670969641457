// /v1/chat/completions and /v1/models as OpenAI's clients know them, with llama-server's `grammar` besides. What asks
// for no grammar is handed to the server as it came, and its bytes back as they come.
import { randomInt, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { parse } from 'node:path';
import { z } from 'zod';
import { SluiceError, Status } from '../../../src-preload/contract/errors.ts';
import type { Answer, AskRequest, GrammarSource } from '../../../src-preload/contract/language.ts';
import { open } from '../../llama/http.ts';
import type { LanguageService } from '../../llama/language.ts';
import type { FoundLanguageModel } from '../../llama/models.ts';
import { type Exchange, type Route, sendJson } from '../http-server.ts';

export interface ChatServices {
  language(): LanguageService; // on first use
  models(): FoundLanguageModel[];
  resolve(model: string | null): string; // throws for an unknown one
}

const content = z.union([
  z.string(),
  z
    .array(z.looseObject({ type: z.literal('text'), text: z.string() }))
    .transform((parts) => parts.map(({ text }) => text).join('')),
]);

const chatRequest = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(z.looseObject({ role: z.string(), content: content.nullish() })).min(1),
  stream: z.boolean().default(false),
  stream_options: z.looseObject({ include_usage: z.boolean().default(false) }).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().min(0).max(10).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.number().int().min(0).max(0xfffffffe).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  user: z.string().nullish(), // taken for the conversation
  grammar: z.string().nullish(), // GBNF, or llguidance's Lark after "%llguidance {}"
  json_schema: z.unknown().optional(),
  response_format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object'), schema: z.unknown().optional() }),
      // As OpenAI has it, or with the schema beside the type as llama-server's own clients write it.
      z.looseObject({
        type: z.literal('json_schema'),
        json_schema: z.looseObject({ schema: z.unknown() }).optional(),
        schema: z.unknown().optional(),
      }),
    ])
    .nullish(),
});
type ChatRequest = z.infer<typeof chatRequest>;

const invalid = (message: string, hint = ''): SluiceError =>
  new SluiceError(Status.input, 'request-invalid', message, hint);

// The grammar that a request asks for, or null. An empty one is a mistake, and is told so by the compiler.
function grammarOf(request: ChatRequest): GrammarSource | null {
  const make = (kind: GrammarSource['kind'], text: string): GrammarSource => ({
    kind,
    text,
    lenient: false,
    marker: null,
  });
  const format = request.response_format;
  const asked = format?.type === 'json_schema' ? (format.json_schema?.schema ?? format.schema) : undefined;
  if (format?.type === 'json_schema' && asked === undefined)
    throw invalid('response_format.json_schema.schema: expected a JSON schema, found none');
  const schemas = [
    request.json_schema,
    asked,
    format?.type === 'json_object' ? (format.schema ?? { type: 'object' }) : undefined,
  ].filter((schema) => schema !== undefined);
  const given = schemas.length + (typeof request.grammar === 'string' ? 1 : 0);
  if (given > 1) throw invalid('grammar, json_schema and response_format exclude each other');
  if (typeof request.grammar === 'string') {
    const lark = /^%llguidance[^\n]*\n/.exec(request.grammar);
    // Its first line becomes an empty one, so that places in what follows are those of the request.
    return lark === null
      ? make('gbnf', request.grammar)
      : make('lark', request.grammar.slice(lark[0].length - 1));
  }
  return schemas.length === 0 ? null : make('json-schema', JSON.stringify(schemas[0]));
}

function askOf(request: ChatRequest, model: string, grammar: GrammarSource): AskRequest {
  const messages = request.messages.map(({ role, content: text }, index) => {
    const known = role === 'developer' ? 'system' : role;
    if (known !== 'system' && known !== 'user' && known !== 'assistant')
      throw invalid(`messages[${index}].role: "${role}" cannot be used together with a grammar`);
    return { role: known, content: text ?? '' } as const;
  });
  const stop = request.stop ?? [];
  return {
    model,
    messages,
    grammar,
    conversation: request.user ?? null,
    priority: 0,
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? 4096,
    temperature: request.temperature ?? 1,
    topP: request.top_p ?? 1,
    seed: request.seed ?? randomInt(0x7fffffff),
    stop: typeof stop === 'string' ? [stop] : stop,
    timeoutSeconds: 3600,
  };
}

const usageOf = (answer: Answer): Record<string, unknown> => ({
  prompt_tokens: answer.promptTokens,
  completion_tokens: answer.tokens,
  total_tokens: answer.promptTokens + answer.tokens,
  prompt_tokens_details: { cached_tokens: answer.cachedTokens },
});

const finishOf = (answer: Answer): string => (answer.stopped === 'end' ? 'stop' : 'length');
const nameOf = (path: string): string => parse(path).name;
const fail = (error: SluiceError): unknown => ({
  error: { message: error.message, type: error.code, code: error.code, param: null, hint: error.hint },
});

interface Head {
  id: string;
  created: number;
  model: string;
}

function chunk(head: Head, choices: readonly unknown[], more: Record<string, unknown> = {}): string {
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', ...head, choices, ...more })}\n\n`;
}

const startStream = (response: ServerResponse): void => {
  if (response.headersSent) return;
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
};

// Judged by us: `sluice.valid` says whether the answer holds to the grammar. `notices`: what could not be enforced.
const verdictOf = (answer: Answer, notices: readonly string[]): Record<string, unknown> => ({
  sluice: { valid: answer.valid, stopped: answer.stopped, notices },
});

async function constrained(
  language: LanguageService,
  ask: AskRequest,
  request: ChatRequest,
  { response, signal }: Exchange,
): Promise<void> {
  const head: Head = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: nameOf(ask.model),
  };
  const delta = (text: string, first: boolean): unknown => ({
    index: 0,
    delta: first ? { role: 'assistant', content: text } : { content: text },
    finish_reason: null,
  });
  let pieces = 0;
  const onText = (text: string): void => {
    if (!request.stream) return;
    startStream(response);
    response.write(chunk(head, [delta(text, pieces++ === 0)]));
  };
  const notices: string[] = [];
  let answer: Answer;
  try {
    answer = await language.ask(ask, { onText, onNotice: (text) => notices.push(text), signal });
  } catch (thrown) {
    // What has begun as a stream ends as one: with an error in it and without [DONE].
    if (response.headersSent && thrown instanceof SluiceError)
      response.write(`data: ${JSON.stringify(fail(thrown))}\n\n`);
    throw thrown;
  }
  if (signal.aborted) return;
  if (!request.stream) {
    const message = { role: 'assistant', content: answer.text };
    const choices = [{ index: 0, message, finish_reason: finishOf(answer), logprobs: null }];
    sendJson(response, 200, {
      object: 'chat.completion',
      ...head,
      choices,
      usage: usageOf(answer),
      ...verdictOf(answer, notices),
    });
    return;
  }
  startStream(response);
  response.write(
    chunk(head, [{ index: 0, delta: {}, finish_reason: finishOf(answer) }], verdictOf(answer, notices)),
  );
  if (request.stream_options?.include_usage === true)
    response.write(chunk(head, [], { usage: usageOf(answer) }));
  response.end('data: [DONE]\n\n');
}

// Unread, unparsed and unbuffered, but for where its turn ends. The slot is ours to choose.
async function passThrough(
  language: LanguageService,
  body: Record<string, unknown>,
  model: string,
  exchange: Exchange,
): Promise<void> {
  const { response, signal } = exchange;
  const conversation = typeof body['user'] === 'string' ? body['user'] : null;
  await language.router.run({ model, conversation, priority: 0 }, signal, async (turn) => {
    const sent = { ...body, model: nameOf(model), id_slot: turn.slot, cache_prompt: true };
    const answer = await open(turn.endpoint, {
      method: 'POST',
      path: '/v1/chat/completions',
      body: sent,
      signal,
      accept: '*/*',
    });
    const { 'content-type': type = 'application/json' } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, { 'content-type': type, 'cache-control': 'no-cache' });
    await new Promise<void>((resolve, reject) => {
      let cause: Error | undefined;
      answer.on('data', (piece: Buffer) => {
        turn.served(1);
        response.write(piece);
      });
      answer.on('error', (error) => (cause = error));
      // However it ends, the turn ends with it: a stream that is destroyed by us emits nothing but this.
      answer.on('close', () => {
        if (answer.complete) {
          response.end();
          resolve();
          return;
        }
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        // An answer that broke off must not look like one that ended well.
        const why = cause === undefined ? 'while it answered' : `while it answered: ${cause.message}`;
        const gone = new SluiceError(Status.device, 'answer-cut', `the language server vanished ${why}`, '', {
          cause,
        });
        response.destroy(gone);
        reject(gone);
      });
      signal.addEventListener('abort', () => answer.destroy(), { once: true });
    });
  });
}

export function chatRoutes(services: ChatServices): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      fail,
      async handle(exchange) {
        const body = await exchange.body();
        const parsed = chatRequest.safeParse(body);
        if (!parsed.success) {
          const [issue] = parsed.error.issues;
          throw invalid(`${issue?.path.join('.') ?? 'body'}: ${issue?.message ?? 'cannot be read'}`);
        }
        const model = services.resolve(parsed.data.model ?? null);
        const grammar = grammarOf(parsed.data);
        const language = services.language();
        if (grammar !== null)
          await constrained(language, askOf(parsed.data, model, grammar), parsed.data, exchange);
        else await passThrough(language, body as Record<string, unknown>, model, exchange);
      },
    },
    {
      method: 'GET',
      path: '/v1/models',
      fail,
      handle({ response }) {
        const data = services.models().map(({ name, source, bytes }) => ({
          id: name,
          object: 'model',
          created: 0,
          owned_by: source,
          bytes,
        }));
        sendJson(response, 200, { object: 'list', data });
        return Promise.resolve();
      },
    },
  ];
}
