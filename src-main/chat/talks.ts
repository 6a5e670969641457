// The window's questions: asks the language service, hands on what comes, and stops what is not wanted any more. The
// service is made on the first question, so that a start of the studio costs nothing for it.
import { parse } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { ChatAnswer, ChatQuestion } from '../../src-preload/contract/chat.ts';
import type { ServerState } from '../../src-preload/contract/language.ts';
import type { Yielding } from '../../src-preload/contract/memory.ts';
import { call } from '../llama/http.ts';
import type { LanguageService } from '../llama/language.ts';
import { z } from 'zod';

export interface TalkOptions {
  language(): LanguageService; // throws (4) where there is no model
  model(name: string | null): string; // its path; throws for an unknown one
  onState(state: ServerState): void;
  onText(id: string, text: string): void;
  onNotice(id: string, text: string): void;
}

const properties = z.looseObject({
  default_generation_settings: z.looseObject({ n_ctx: z.number().int().positive() }),
});

// The model that has memory now, or is about to.
function loadedModel(state: ServerState): string | null {
  switch (state.kind) {
    case 'starting':
    case 'loading':
    case 'ready':
      return state.model;
    case 'busy':
      return state.next ?? state.model;
    case 'swapping':
      return state.next;
    case 'absent':
    case 'stopped':
    case 'stopping':
    case 'crashed':
      return null;
  }
}

const ANSWER_SECONDS = 1800; // a person can stop it at any time

export class Talks {
  readonly #options: TalkOptions;
  readonly #asking = new Map<string, AbortController>();
  #service: LanguageService | null = null;
  #context: { port: number; tokens: number } | null = null;

  constructor(options: TalkOptions) {
    this.#options = options;
  }

  get state(): ServerState {
    return this.#service?.state ?? { kind: 'stopped' };
  }

  async ask(question: ChatQuestion): Promise<ChatAnswer> {
    const { id, ...rest } = question;
    if (this.#asking.has(id))
      throw new SluiceError(Status.internal, 'internal', `the question ${id} is asked already`);
    const cancel = new AbortController();
    this.#asking.set(id, cancel);
    try {
      const model = this.#options.model(question.model);
      const service = this.#language();
      const request = { ...rest, model, priority: 5, stop: [], timeoutSeconds: ANSWER_SECONDS };
      const answer = await service.ask(request, {
        onText: (text) => this.#options.onText(id, text),
        onNotice: (text) => this.#options.onNotice(id, text),
        signal: cancel.signal,
      });
      return { ...answer, contextTokens: await this.#contextTokens(service, model) };
    } finally {
      this.#asking.delete(id);
    }
  }

  // Of an answer that has come already: nothing.
  stop(id: string): void {
    this.#asking.get(id)?.abort();
  }

  async warm(name: string | null): Promise<void> {
    const work = await this.#language().supervisor.work(this.#options.model(name));
    work.end();
  }

  // What a question to this model would unload, were it asked now: a server has one model at a time. The model asks for
  // memory after everybody else, so nobody but the other model makes room.
  givesWay(name: string | null): Yielding[] {
    const loaded = loadedModel(this.state);
    if (loaded === null || loaded === this.#options.model(name)) return [];
    return [{ kind: 'language', model: parse(loaded).name, bytes: null, device: null }];
  }

  async close(): Promise<void> {
    for (const cancel of this.#asking.values()) cancel.abort();
    await this.#service?.close();
  }

  #language(): LanguageService {
    if (this.#service === null) {
      this.#service = this.#options.language();
      this.#service.supervisor.subscribe((state) => this.#options.onState(state));
    }
    return this.#service;
  }

  // What the running server gave the conversation, asked for once each time it was started.
  async #contextTokens(service: LanguageService, model: string): Promise<number | null> {
    const { state } = service;
    const port = 'port' in state ? state.port : 0;
    if (port === 0) return null;
    if (this.#context?.port === port) return this.#context.tokens;
    try {
      const work = await service.supervisor.work(model);
      try {
        const { body } = await call(work.endpoint, { method: 'GET', path: '/props' });
        const tokens = properties.parse(body).default_generation_settings.n_ctx;
        this.#context = { port, tokens };
        return tokens;
      } finally {
        work.end();
      }
    } catch {
      return null; // the gauge goes without it
    }
  }
}
