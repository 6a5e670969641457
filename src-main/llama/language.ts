// The language service that command line, server and window share: a request in, text as it comes, and an answer that
// was held against its grammar by us. Compiles a grammar before anything is sent, because a server with llguidance
// answers an invalid one with unconstrained text.
import { availableParallelism } from 'node:os';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { Grammar, Grammars } from '../../src-preload/contract/grammar.ts';
import type {
  Answer,
  AskRequest,
  GrammarSource,
  ServerCapabilities,
  ServerState,
} from '../../src-preload/contract/language.ts';
import type { Arbiter, HeldLease } from '../jobs/arbiter.ts';
import { poolOf } from '../jobs/leases.ts';
import { serverArguments } from './arguments.ts';
import { AnswerError, chat, complete, type Generated, type StreamHooks } from './completion.ts';
import { constraintFor } from './external.ts';
import { fitModel, type LanguageModel, layersThatFit, readModel } from './gguf.ts';
import type { Endpoint } from './http.ts';
import { type Candidate, candidates, type Places } from './locate.ts';
import type { LogFile } from './log-file.ts';
import { availableMemory } from './memory.ts';
import { probe, type Probed } from './probe.ts';
import { givenUp, Router } from './router.ts';
import type { Limits } from './states.ts';
import { type StartPlan, Supervisor, type SupervisorOptions } from './supervisor.ts';
import { Templates } from './template.ts';

export interface LanguageOptions {
  places: Places;
  log: LogFile;
  arbiter: Arbiter;
  grammars(): Grammars; // on first use: the addon is loaded for it
  probeModel: string; // any model that loads; small, because capabilities are tried on it
  slots?: number;
  contextTokens?: number;
  threads?: number;
  limits?: Partial<Limits>;
  extraArguments?: readonly string[];
  supervision?: Pick<SupervisorOptions, 'healthEveryMs' | 'healthTimeoutMs' | 'guard'>;
}

export interface AskHooks {
  onText: (piece: string) => void;
  onNotice: (text: string) => void;
  signal?: AbortSignal;
}

interface Server extends Candidate {
  found: Probed;
}

const LOOK_AGAIN_MS = 2000;

const gib = (bytes: number): string => `${(bytes / 1073741824).toFixed(1)} GiB`;

export class LanguageService {
  readonly supervisor: Supervisor;
  readonly router: Router;
  readonly #options: LanguageOptions;
  readonly #templates = new Templates();
  #server: Promise<Server> | null = null;
  #lookedAt = ''; // where it was found: set-up may bring a better one
  #lookedWhen = 0; // performance.now(): looking through folders would be felt in each answer
  #running: Server | null = null; // that was started last
  #toldOf: string | null = null; // the server whose limits were told
  #grammars: Grammars | null = null; // one for all requests: it keeps what it has compiled
  #notices = new Set<string>();

  constructor(options: LanguageOptions) {
    this.#options = options;
    this.supervisor = new Supervisor({
      plan: (model, letGo) => this.#plan(model, letGo),
      log: options.log,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...options.supervision,
    });
    this.router = new Router(this.supervisor, this.slots);
  }

  get slots(): number {
    return this.#options.slots ?? 4;
  }

  get state(): ServerState {
    return this.supervisor.state;
  }

  // What the server that is used can do. Throws when there is none (4).
  async capabilities(): Promise<ServerCapabilities & Candidate> {
    const { found, path, origin } = await this.#findServer();
    return {
      path,
      origin,
      version: found.version,
      llguidance: found.llguidance,
      gbnf: found.gbnf,
      devices: found.devices,
    };
  }

  // Compiles, or throws what is wrong with it (3) with line and column. `what`: its name, for the message.
  async grammar(
    source: GrammarSource,
    onNotice: (text: string) => void,
    what = 'the grammar',
  ): Promise<Grammar> {
    this.#grammars ??= this.#options.grammars();
    const compiled = await this.#grammars.compile(source.kind, source.text, { lenient: source.lenient });
    if (!compiled.ok) {
      const lines = compiled.problems.map(({ line, column, message }) =>
        line > 0 ? `line ${line}, column ${column}: ${message}` : message,
      );
      const unsupported = compiled.problems.some(({ code }) => code === 'unsupported-keyword');
      throw new SluiceError(
        Status.input,
        unsupported ? 'grammar-unsupported' : 'grammar-invalid',
        `${what} cannot be used: ${lines.join('; ')}`,
        unsupported
          ? 'Leave the keyword out, or say --lenient to go on without what cannot be enforced.'
          : '',
      );
    }
    for (const { message } of compiled.grammar.warnings) onNotice(`not enforced: ${message}`);
    return source.marker === null ? compiled.grammar : compiled.grammar.lazy(source.marker);
  }

  // Streams and returns the answer. A cancelled one is an answer that stopped by the user; everything else that goes
  // wrong is thrown, with the text that had arrived where there was any (AnswerError).
  async ask(request: AskRequest, hooks: AskHooks): Promise<Answer> {
    const grammar = request.grammar === null ? null : await this.grammar(request.grammar, hooks.onNotice);
    if (grammar !== null) this.#forServer(grammar, await this.#newest());
    else await this.#newest();
    return this.#answer(request, hooks, grammar, (finish, signal) => {
      const ticket = { model: request.model, conversation: request.conversation, priority: request.priority };
      return this.router.run(ticket, signal, async (turn) => {
        const timed = finish(signal);
        const prompt = await this.#templates.apply(turn.endpoint, request.messages, timed.signal);
        const onText = (piece: string): void => {
          turn.served(1);
          timed.onText(piece);
        };
        // The server that was found may have come after the one that runs.
        const sent = grammar === null ? null : this.#forServer(grammar, await this.#runningServer());
        this.#tellLimits(hooks);
        const { maxTokens, temperature, topP, seed, stop } = request;
        const generation = {
          prompt,
          grammar: sent,
          slot: turn.slot,
          maxTokens,
          temperature,
          topP,
          seed,
          stop,
        };
        const generated = await complete(turn.endpoint, generation, { onText, signal: timed.signal });
        this.#templates.prepareTurnAfter(turn.endpoint, request.messages);
        return generated;
      });
    });
  }

  // The same from a server that somebody else runs.
  async askExternal(endpoint: Endpoint, request: AskRequest, hooks: AskHooks): Promise<Answer> {
    const grammar = request.grammar === null ? null : await this.grammar(request.grammar, hooks.onNotice);
    const constraint = request.grammar === null ? {} : constraintFor(request.grammar);
    return this.#answer(request, hooks, grammar, async (finish, signal) => {
      const { model, messages, maxTokens, temperature, topP, seed, stop } = request;
      return chat(
        endpoint,
        { model, messages, constraint, maxTokens, temperature, topP, seed, stop },
        finish(signal),
      );
    });
  }

  async close(): Promise<void> {
    await this.supervisor.stop();
    await this.#options.log.close();
  }

  async #answer(
    request: AskRequest,
    hooks: AskHooks,
    grammar: Grammar | null,
    generate: (begin: (signal: AbortSignal) => StreamHooks, signal: AbortSignal) => Promise<Generated>,
  ): Promise<Answer> {
    const asked = performance.now();
    let begun = asked;
    let text = '';
    let pieces = 0;
    let firstAt = NaN;
    const stop = new AbortController();
    const onUser = (): void => stop.abort(givenUp());
    if (hooks.signal?.aborted === true) onUser();
    hooks.signal?.addEventListener('abort', onUser, { once: true });
    let timer: NodeJS.Timeout | undefined;
    // The time of an answer runs from when its turn has come.
    const begin = (signal: AbortSignal): StreamHooks => {
      begun = performance.now();
      const late = (): void =>
        stop.abort(
          new AnswerError(
            Status.device,
            'answer-timeout',
            `the answer took longer than ${request.timeoutSeconds} s; ${text.length} characters had arrived`,
            'Ask for fewer tokens, or give it more time.',
            text,
          ),
        );
      timer = setTimeout(late, request.timeoutSeconds * 1000);
      const onText = (piece: string): void => {
        if (pieces === 0) firstAt = performance.now();
        pieces++;
        text += piece;
        hooks.onText(piece);
      };
      return { onText, signal };
    };
    const figures = (): { waitSeconds: number; firstTokenSeconds: number | null; seconds: number } => ({
      waitSeconds: (begun - asked) / 1000,
      firstTokenSeconds: pieces === 0 ? null : (firstAt - asked) / 1000,
      seconds: (performance.now() - asked) / 1000,
    });
    try {
      const made = await generate(begin, stop.signal);
      const timed = figures();
      // A truncated answer may be complete by chance: it is reported as what it is.
      const valid =
        grammar === null ? null : made.stopped === 'end' && (await grammar.accepts(made.text)).complete;
      if (valid === false && made.stopped === 'end')
        hooks.onNotice('the server did not hold to the grammar: the answer is not valid');
      return {
        text: made.text,
        tokens: made.tokens,
        promptTokens: made.promptTokens,
        cachedTokens: made.cachedTokens,
        tokensPerSecond: made.generatingSeconds > 0 ? made.tokens / made.generatingSeconds : 0,
        stopped: made.stopped,
        valid,
        model: request.model,
        ...timed,
      };
    } catch (error) {
      if (
        error instanceof SluiceError &&
        error.status === Status.cancelled &&
        hooks.signal?.aborted === true
      ) {
        const timed = figures();
        const generating = pieces === 0 ? 0 : (performance.now() - firstAt) / 1000;
        return {
          text,
          tokens: pieces,
          promptTokens: 0,
          cachedTokens: 0,
          tokensPerSecond: generating > 0 ? pieces / generating : 0,
          stopped: 'user',
          valid: grammar === null ? null : false,
          model: request.model,
          ...timed,
        };
      }
      throw error;
    } finally {
      clearTimeout(timer);
      hooks.signal?.removeEventListener('abort', onUser);
    }
  }

  // The server to use. One that runs and is not it any more is let go, and ends after the answers it is at.
  async #newest(): Promise<Server> {
    const server = await this.#findServer();
    if (this.#running !== null && this.#running.path !== server.path) this.supervisor.letGo();
    return server;
  }

  async #runningServer(): Promise<Server> {
    return this.#running ?? (await this.#findServer());
  }

  // Once for each server: what it cannot do.
  #tellLimits(hooks: AskHooks): void {
    const { path, found } = this.#running ?? {};
    if (path === undefined || found === undefined || path === this.#toldOf) return;
    this.#toldOf = path;
    if (!found.llguidance)
      hooks.onNotice(
        'this llama-server takes no Lark grammars, and only JSON schemas that GBNF can say; the one that the set-up builds takes all',
      );
  }

  // What of a grammar goes to that server; throws (3) where it cannot enforce it.
  #forServer(grammar: Grammar, { found, path }: Server): string {
    const sent = grammar.toServer({ llguidance: found.llguidance });
    if (
      sent === null ||
      (sent.needsLlguidance && !found.llguidance) ||
      (!sent.needsLlguidance && !found.gbnf)
    ) {
      throw new SluiceError(
        Status.input,
        'grammar-unsupported',
        found.gbnf
          ? `${path} cannot enforce this grammar: it has no llguidance, and ${grammar.onlyLlguidance ?? 'this needs it'}`
          : `${path} cannot enforce this grammar: it does not hold to grammars at all`,
        'Let the set-up build llama-server (it needs cmake, a C++ compiler and cargo), or write the grammar as GBNF.',
      );
    }
    return sent.grammar;
  }

  // In the order of candidates the first that works, but one with llguidance before one without.
  #findServer(): Promise<Server> {
    const now = performance.now();
    if (this.#server !== null && now - this.#lookedWhen < LOOK_AGAIN_MS) return this.#server;
    this.#lookedWhen = now;
    const places = candidates(this.#options.places)
      .map(({ path }) => path)
      .join('\n');
    if (places !== this.#lookedAt) this.#server = null;
    this.#lookedAt = places;
    this.#server ??= this.#look().catch((error: unknown) => {
      this.#server = null; // set-up may bring one
      throw error;
    });
    return this.#server;
  }

  async #look(): Promise<Server> {
    const { places, probeModel } = this.#options;
    const problems: SluiceError[] = [];
    let second: Server | null = null;
    for (const candidate of candidates(places)) {
      try {
        const found = await probe(candidate.path, probeModel, places.cacheDir);
        if (found.llguidance) return { ...candidate, found };
        second ??= { ...candidate, found };
      } catch (error) {
        if (!(error instanceof SluiceError)) throw error;
        problems.push(error);
        this.#options.log.line(`sluice: ${error.message}`);
      }
    }
    if (second !== null) return second;
    const [problem] = problems;
    if (problem !== undefined) throw problem;
    throw new SluiceError(
      Status.device,
      'server-missing',
      'there is no llama-server on this machine',
      'The set-up builds one where cmake, a C++ compiler, cargo and Python are there and package registries can be ' +
        'reached; or install llama.cpp, or name one with SLUICE_LLAMA_SERVER.',
    );
  }

  // Reads the model's header, tells of a tight fit, and leases memory, before anything is loaded.
  async #plan(path: string, letGo: () => void): Promise<StartPlan> {
    const model = await readModel(path);
    const server = await this.#findServer();
    const { found, path: binary } = server;
    const wanted = this.#options.contextTokens ?? 8192;
    const fit = this.#fit(model, wanted);
    const device = [...found.devices].sort((a, b) => b.freeBytes - a.freeBytes)[0];
    let lease: HeldLease | null = null;
    let gpuLayers = 0;
    if (device !== undefined) {
      const { arbiter } = this.#options;
      const pool = poolOf(device.name);
      if (!arbiter.state.pools.has(pool)) arbiter.setPool(pool, device.freeBytes);
      lease = await arbiter.acquire(
        {
          kind: 'language',
          pool,
          wantBytes: fit.needBytes,
          leastBytes: 0, // the processor takes what the device does not
          priority: -1, // painting goes first
          revocable: true,
        },
        letGo,
      );
      gpuLayers = layersThatFit(model, fit.contextTokens, lease.bytes);
    }
    const args = serverArguments(
      {
        model: path,
        contextTokens: fit.contextTokens,
        slots: this.slots,
        // One is left for the studio: on busy cores, threads that wait for each other collapse.
        threads: this.#options.threads ?? Math.max(1, availableParallelism() - 1),
        gpuLayers,
        cacheMiB: 256,
      },
      new Set(found.flags),
    );
    this.#running = server;
    return {
      binary,
      args: [...args, ...(this.#options.extraArguments ?? [])],
      modelBytes: model.bytes,
      release: () => lease?.release(),
    };
  }

  #fit(model: LanguageModel, wanted: number): { contextTokens: number; needBytes: number } {
    const free = availableMemory();
    const fit = fitModel(model, wanted, free);
    const need = `${model.name} needs ${gib(fit.needBytes)} with a context of ${fit.contextTokens} tokens; ${gib(free)} are free`;
    this.#tell(need);
    if (!fit.fits) {
      throw new SluiceError(
        Status.device,
        'memory-too-small',
        need,
        'Close other programs, or take a smaller model or a shorter context.',
      );
    }
    if (fit.contextTokens < Math.min(wanted, model.contextTokens))
      this.#tell(`the context is shortened to ${fit.contextTokens} tokens, so that the model fits`);
    return fit;
  }

  // Notices of loading, which belong to no single request. Those that come are kept for who asks.
  #tell(text: string): void {
    this.#options.log.line(`sluice: ${text}`);
    this.#notices.add(text);
  }

  get notices(): readonly string[] {
    return [...this.#notices];
  }
}
