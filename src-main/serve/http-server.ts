// The local HTTP server of `sluice serve`: only loopback, a token, JSON in and out. What it answers lies in routes/,
// one file a family; each brings its own shape of errors, because existing clients expect theirs.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asSluiceError, SluiceError, Status } from '../../src-preload/contract/errors.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal; // the client has gone, or the server closes
  body(): Promise<unknown>; // parsed JSON; throws bad input (3)
}

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string; // exact
  handle(exchange: Exchange): Promise<void>;
  fail(error: SluiceError): unknown; // the body of a failure
}

export interface ServeOptions {
  routes: readonly Route[];
  port: number; // 0: any
  token: string | null;
  onError(error: SluiceError): void; // faults of our own
}

const MAX_BODY_BYTES = 64 << 20; // pictures come as base64

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': text.length,
  });
  response.end(text);
}

const statusOf = (error: SluiceError): number => {
  switch (error.status) {
    case Status.usage:
    case Status.input:
      return 400;
    case Status.device:
      return 503;
    case Status.cancelled:
      return 499;
    case Status.internal:
      return 500;
  }
};

async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES)
      throw new SluiceError(
        Status.input,
        'body-too-large',
        `the request is larger than ${MAX_BODY_BYTES} bytes`,
      );
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SluiceError(
      Status.input,
      'body-invalid',
      `expected JSON in the request's body: ${reason}`,
      '',
      { cause },
    );
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

// As "Bearer TOKEN", or as the password of a Basic login, which is what clients of A1111's interface can send.
function tokenOf(request: IncomingMessage): string {
  const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() === 'basic') {
    const login = Buffer.from(value, 'base64').toString('utf8');
    return login.slice(login.indexOf(':') + 1);
  }
  return '';
}

// A page elsewhere may have a name that leads to 127.0.0.1; its requests carry that name.
const isLocal = (request: IncomingMessage): boolean =>
  /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '');

// Why work is given up: no fault of anybody's.
const notWanted = (message: string): SluiceError => new SluiceError(Status.cancelled, 'cancelled', message);

export interface Serving {
  readonly port: number;
  close(): Promise<void>;
}

async function answer(
  options: ServeOptions,
  closing: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const here = options.routes.filter(({ path }) => path === url.pathname);
  const route = here.find(({ method }) => method === request.method);
  const plain = (code: string, message: string): unknown => ({ error: { code, message, type: code } });
  if (!isLocal(request)) {
    sendJson(response, 403, plain('wrong-host', 'only the local machine may ask'));
    return;
  }
  if (options.token !== null && !timingSafeEqual(digest(tokenOf(request)), digest(options.token))) {
    response.setHeader('www-authenticate', 'Bearer');
    sendJson(response, 401, plain('wrong-token', 'expected the token that sluice serve printed'));
    return;
  }
  if (route === undefined) {
    if (here.length === 0) {
      sendJson(response, 404, plain('not-found', `there is no ${url.pathname}`));
      return;
    }
    response.setHeader('allow', here.map(({ method }) => method).join(', '));
    sendJson(response, 405, plain('wrong-method', `${url.pathname} does not take ${request.method ?? ''}`));
    return;
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort(notWanted('the client has gone')));
  const exchange: Exchange = {
    request,
    response,
    query: url.searchParams,
    signal: AbortSignal.any([gone.signal, closing]),
    body: () => readBody(request),
  };
  try {
    await route.handle(exchange);
  } catch (thrown) {
    const error = asSluiceError(thrown);
    if (error.status === Status.internal) options.onError(error);
    if (response.headersSent) response.end();
    else sendJson(response, statusOf(error), route.fail(error));
  }
}

export async function startServing(options: ServeOptions): Promise<Serving> {
  const closing = new AbortController();
  const server: Server = createServer((request, response) => {
    void answer(options, closing.signal, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      reject(
        new SluiceError(
          Status.input,
          taken ? 'port-taken' : 'port-refused',
          taken
            ? `port ${options.port} is in use`
            : `port ${options.port} cannot be listened on: ${cause.message}`,
          'Name another with --port; 0 takes any that is free.',
          { cause },
        ),
      );
    });
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        closing.abort(notWanted('the server ends'));
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 500).unref();
      }),
  };
}
