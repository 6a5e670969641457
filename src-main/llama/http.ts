// HTTP to a language server: short JSON calls, and streams of server-sent events that are handed on as they come.
// Not here: what is asked, and who waits for whom.
import { Agent, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';

export interface Endpoint {
  readonly url: string; // without a slash at its end
  readonly key: string | null;
}

// Connections are kept: making one costs more than what we may add to a first token.
// The one used last goes first: the server closes those that rest. No Nagle: each write is a whole request.
const keeping = { keepAlive: true, maxSockets: 64, scheduling: 'lifo', noDelay: true } as const;
const agent = new Agent(keeping);
const secureAgent = new SecureAgent(keeping);

export const unreachable = (url: string, cause: unknown): SluiceError =>
  new SluiceError(
    Status.device,
    'server-unreachable',
    `the language server at ${url} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
    'Check that it runs and that the address is right.',
    { cause },
  );

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
  signal?: AbortSignal;
  accept?: string;
}

// Resolves when the head of the answer is there, whatever its status. Rejects with `server-unreachable`, or with
// the signal's reason.
export function open(endpoint: Endpoint, call: Call): Promise<IncomingMessage> {
  return send(endpoint, call, 'kept');
}

function send(endpoint: Endpoint, call: Call, connection: 'kept' | 'new'): Promise<IncomingMessage> {
  const url = new URL(`${endpoint.url}${call.path}`);
  const secure = url.protocol === 'https:';
  const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = { accept: call.accept ?? 'application/json' };
    if (endpoint.key !== null) headers['authorization'] = `Bearer ${endpoint.key}`;
    if (body !== null) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = body.length;
    }
    const options = {
      method: call.method,
      headers,
      agent: connection === 'new' ? false : secure ? secureAgent : agent,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    };
    const sent = secure ? secureRequest(url, options) : plainRequest(url, options);
    sent.on('response', resolve);
    sent.on('error', (error) => {
      if (call.signal?.aborted === true) reject(call.signal.reason as Error);
      // A server may close connections that were kept at the moment when one is used again; then the others are no
      // better, and a new one is made.
      else if (connection === 'kept' && sent.reusedSocket) resolve(send(endpoint, call, 'new'));
      else reject(unreachable(endpoint.url, error));
    });
    if (body === null) sent.end();
    else sent.end(body);
  });
}

export async function readAll(answer: IncomingMessage): Promise<string> {
  answer.setEncoding('utf8');
  let text = '';
  for await (const piece of answer as AsyncIterable<string>) text += piece;
  return text;
}

export interface Reply {
  status: number;
  body: unknown; // parsed where it is JSON, text otherwise
}

export async function call(endpoint: Endpoint, what: Call): Promise<Reply> {
  const answer = await open(endpoint, what);
  const text = await readAll(answer).catch((error: unknown) => {
    if (what.signal?.aborted === true) throw what.signal.reason;
    throw unreachable(endpoint.url, error);
  });
  const status = answer.statusCode ?? 0;
  try {
    return { status, body: JSON.parse(text) as unknown };
  } catch {
    return { status, body: text };
  }
}

// The data of server-sent events out of a stream of text, cut anywhere. Comments (pings) and other fields are left out.
export class EventParser {
  #rest = '';
  #data: string[] = [];

  push(text: string): string[] {
    const events: string[] = [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line.startsWith('data:')) this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && this.#data.length > 0) {
        events.push(this.#data.join('\n'));
        this.#data = [];
      }
    }
    return events;
  }
}
