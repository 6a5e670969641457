// A language server that somebody else runs, by the interface that OpenAI-compatible ones share. It is not started,
// stopped or supervised; how well it holds to a grammar is found out after, on the answer.
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { GrammarSource } from '../../src-preload/contract/language.ts';
import { refused } from './completion.ts';
import { call, type Endpoint } from './http.ts';

// "http://host:8080", with or without "/v1" at its end.
export function externalEndpoint(url: string, key: string | null): Endpoint {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new SluiceError(
      Status.usage,
      'usage',
      `--server: expected an address, found "${url}"`,
      'For example: http://127.0.0.1:8080',
    );
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new SluiceError(Status.usage, 'usage', `--server: expected http or https, found "${url}"`);
  }
  const path = parsed.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return { url: `${parsed.origin}${path}`, key };
}

const modelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

export async function externalModels(endpoint: Endpoint, signal: AbortSignal): Promise<string[]> {
  const { status, body } = await call(endpoint, { method: 'GET', path: '/v1/models', signal });
  const parsed = modelList.safeParse(body);
  if (status !== 200 || !parsed.success) throw refused(status, body);
  return parsed.data.data.map(({ id }) => id);
}

// The named model, or the first that it has.
export async function externalModel(
  endpoint: Endpoint,
  wanted: string | null,
  signal: AbortSignal,
): Promise<string> {
  if (wanted !== null) return wanted;
  const [first] = await externalModels(endpoint, signal);
  if (first === undefined) {
    throw new SluiceError(
      Status.input,
      'model-missing',
      `the server at ${endpoint.url} has no model`,
      'Load one there.',
    );
  }
  return first;
}

// The fields that ask a foreign server to hold to a grammar. Only JSON schemas have one that is common; `grammar` is
// llama-server's for GBNF. Nothing stands for Lark.
export function constraintFor(source: GrammarSource): Record<string, unknown> {
  if (source.marker !== null) {
    throw new SluiceError(
      Status.input,
      'grammar-unsupported',
      'a foreign server cannot think freely and be constrained after a marker',
      'Leave out --server.',
    );
  }
  switch (source.kind) {
    case 'json-schema': {
      const schema = JSON.parse(source.text) as unknown;
      return {
        response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
      };
    }
    case 'gbnf':
      return { grammar: source.text };
    case 'lark':
      throw new SluiceError(
        Status.input,
        'grammar-unsupported',
        'OpenAI-compatible servers take no Lark grammars',
        'Leave out --server, or write the grammar as a JSON schema.',
      );
  }
}
