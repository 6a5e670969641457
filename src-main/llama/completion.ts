// One generation on a language server: asks, hands pieces on as they come, and tells how it ended. Text that arrived
// is never lost: errors carry it. Not here: turns, grammars' compilation, judging the answer.
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { type FailureStatus, SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { ChatMessage } from '../../src-preload/contract/language.ts';
import { type Endpoint, EventParser, open, readAll } from './http.ts';

// An answer that broke off: what came of it is in `text`.
export class AnswerError extends SluiceError {
  readonly text: string;

  constructor(
    status: FailureStatus,
    code: string,
    message: string,
    hint: string,
    text: string,
    options?: ErrorOptions,
  ) {
    super(status, code, message, hint, options);
    this.text = text;
  }
}

export interface Sampling {
  maxTokens: number;
  temperature: number;
  topP: number;
  seed: number;
  stop: readonly string[];
}

export interface Generated {
  text: string;
  tokens: number;
  promptTokens: number;
  cachedTokens: number;
  stopped: 'end' | 'limit';
  firstTokenAt: number | null; // performance.now()
  generatingSeconds: number; // as the server counts
}

export interface StreamHooks {
  onText: (piece: string) => void;
  signal: AbortSignal; // its reason rejects
}

const refusal = z.looseObject({
  error: z.union([
    z.string(),
    z.looseObject({
      message: z.string().default('no reason given'),
      type: z.string().optional(),
      n_prompt_tokens: z.number().optional(),
      n_ctx: z.number().optional(),
    }),
  ]),
});

// A server's refusal as one of our errors.
export function refused(status: number, body: unknown, text = ''): SluiceError {
  const parsed = refusal.safeParse(body);
  const error = parsed.success ? parsed.data.error : null;
  const message = error === null ? `status ${status}` : typeof error === 'string' ? error : error.message;
  if (error !== null && typeof error === 'object' && error.type === 'exceed_context_size_error') {
    const counts = `${error.n_prompt_tokens ?? '?'} tokens, and the context holds ${error.n_ctx ?? '?'}`;
    return new AnswerError(
      Status.input,
      'context-overflow',
      `the prompt is too long: ${counts}`,
      'Shorten it, begin a new conversation, or take a model with a longer context.',
      text,
    );
  }
  const ours = status === 401 || status === 403;
  return new AnswerError(
    status >= 400 && status < 500 && !ours ? Status.input : Status.device,
    ours ? 'server-denied' : status >= 400 && status < 500 ? 'request-refused' : 'server-failed',
    `the language server refused: ${message}`,
    ours ? 'Give its key by the environment variable SLUICE_SERVER_KEY.' : '',
    text,
  );
}

function cutOff(text: string, cause?: unknown): AnswerError {
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  return new AnswerError(
    Status.device,
    'answer-cut',
    `the language server vanished while it answered${reason}: ${text.length} characters had arrived`,
    'What had arrived is kept. Ask again: the server is started anew.',
    text,
    { cause },
  );
}

// Feeds events to `onEvent` until that returns true. Rejects with `answer-cut` when the stream ends before; an end
// of the connection alone proves nothing, because a killed server's looks the same.
async function readEvents(
  answer: IncomingMessage,
  signal: AbortSignal,
  textSoFar: () => string,
  onEvent: (data: string) => boolean,
): Promise<void> {
  const parser = new EventParser();
  answer.setEncoding('utf8');
  await new Promise<void>((resolve, reject) => {
    let finished = false;
    answer.on('data', (piece: string) => {
      if (finished) return;
      try {
        for (const data of parser.push(piece)) {
          if (!onEvent(data)) continue;
          finished = true;
          resolve();
          return;
        }
      } catch (error) {
        answer.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    const ended = (cause?: unknown): void => {
      if (signal.aborted) reject(signal.reason as Error);
      else reject(cutOff(textSoFar(), cause));
    };
    answer.on('end', () => ended());
    answer.on('aborted', () => ended());
    answer.on('error', ended);
  });
}

function parse(data: string, text: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch (cause) {
    throw new AnswerError(
      Status.device,
      'server-failed',
      'the language server sent an event that is not JSON',
      '',
      text,
      { cause },
    );
  }
}

async function opened(
  endpoint: Endpoint,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const answer = await open(endpoint, { method: 'POST', path, body, signal, accept: 'text/event-stream' });
  if (answer.statusCode === 200) return answer;
  const text = await readAll(answer);
  let parsed: unknown = text;
  try {
    parsed = JSON.parse(text);
  } catch {
    // told as it is
  }
  throw refused(answer.statusCode ?? 0, parsed);
}

// One comes for each token: looked at by hand, because a schema would cost more than all the rest of the way.
function readPiece(event: unknown): { content: string; stop: boolean; refused: boolean } {
  const { content, stop, error } = (event ?? {}) as Record<string, unknown>;
  return {
    content: typeof content === 'string' ? content : '',
    stop: stop === true,
    refused: error !== undefined,
  };
}

const lastPiece = z.looseObject({
  stop_type: z.string().default('none'),
  tokens_predicted: z.number().default(0),
  tokens_evaluated: z.number().default(0),
  timings: z.looseObject({ cache_n: z.number().default(0), predicted_ms: z.number().default(0) }).optional(),
});

// What of the last event is of use: without this it repeats the prompt and all settings.
const lastFields = ['content', 'stop', 'stop_type', 'tokens_predicted', 'tokens_evaluated', 'timings'];

// llama-server's own interface: the text is the model's, unparsed, which a grammar can be held against.
export async function complete(
  endpoint: Endpoint,
  request: { prompt: string; grammar: string | null; slot: number | null } & Sampling,
  { onText, signal }: StreamHooks,
): Promise<Generated> {
  const body = {
    prompt: request.prompt,
    stream: true,
    cache_prompt: true,
    n_predict: request.maxTokens,
    temperature: request.temperature,
    top_p: request.topP,
    seed: request.seed,
    stop: request.stop,
    response_fields: lastFields,
    ...(request.grammar === null ? {} : { grammar: request.grammar }),
    ...(request.slot === null ? {} : { id_slot: request.slot }),
  };
  let text = '';
  let firstTokenAt: number | null = null;
  let last = lastPiece.parse({});
  const answer = await opened(endpoint, '/completion', body, signal);
  await readEvents(
    answer,
    signal,
    () => text,
    (data) => {
      const event = parse(data, text);
      const { content, stop, refused: isRefusal } = readPiece(event);
      if (isRefusal) throw refused(500, event, text);
      if (content !== '') {
        if (text === '') firstTokenAt = performance.now();
        text += content;
        onText(content);
      }
      if (stop) last = lastPiece.parse(event);
      return stop;
    },
  );
  return {
    text,
    tokens: last.tokens_predicted,
    promptTokens: last.tokens_evaluated,
    cachedTokens: last.timings?.cache_n ?? 0,
    stopped: last.stop_type === 'limit' ? 'limit' : 'end',
    firstTokenAt,
    generatingSeconds: (last.timings?.predicted_ms ?? 0) / 1000,
  };
}

const chatPiece = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        delta: z.looseObject({ content: z.string().nullish() }).default({}),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  usage: z.looseObject({ completion_tokens: z.number(), prompt_tokens: z.number() }).nullish(),
});

// The interface that OpenAI-compatible servers share. `constraint`: fields that hold the answer to a grammar.
export async function chat(
  endpoint: Endpoint,
  request: {
    model: string;
    messages: readonly ChatMessage[];
    constraint: Record<string, unknown>;
  } & Sampling,
  { onText, signal }: StreamHooks,
): Promise<Generated> {
  const body = {
    model: request.model,
    messages: request.messages,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: request.maxTokens,
    temperature: request.temperature,
    top_p: request.topP,
    seed: request.seed,
    ...(request.stop.length > 0 ? { stop: request.stop } : {}),
    ...request.constraint,
  };
  const got = { text: '', pieces: 0, firstTokenAt: NaN, finish: '', completion_tokens: 0, prompt_tokens: 0 };
  const answer = await opened(endpoint, '/v1/chat/completions', body, signal);
  await readEvents(
    answer,
    signal,
    () => got.text,
    (data) => {
      if (data === '[DONE]') return true;
      const event = parse(data, got.text);
      if (refusal.safeParse(event).success) throw refused(500, event, got.text);
      const { choices, usage } = chatPiece.parse(event);
      const content = choices[0]?.delta.content ?? '';
      if (content !== '') {
        if (got.pieces === 0) got.firstTokenAt = performance.now();
        got.pieces++;
        got.text += content;
        onText(content);
      }
      got.finish = choices[0]?.finish_reason ?? got.finish;
      if (usage !== null && usage !== undefined) Object.assign(got, usage);
      return false;
    },
  );
  return {
    text: got.text,
    tokens: got.completion_tokens === 0 ? got.pieces : got.completion_tokens,
    promptTokens: got.prompt_tokens,
    cachedTokens: 0,
    stopped: got.finish === 'length' ? 'limit' : 'end',
    firstTokenAt: got.pieces === 0 ? null : got.firstTokenAt,
    generatingSeconds: got.pieces === 0 ? 0 : (performance.now() - got.firstTokenAt) / 1000,
  };
}
