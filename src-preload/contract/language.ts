// Language models: what is asked, what comes back, and what the server that answers is doing. Data only.
import { z } from 'zod';
import { failure } from './errors.ts';
import { grammarKind } from './grammar.ts';

const count = z.number().int().nonnegative();
const seconds = z.number().nonnegative();

export const chatMessage = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});
export type ChatMessage = z.infer<typeof chatMessage>;

export const grammarSource = z.object({
  kind: grammarKind,
  text: z.string(),
  lenient: z.boolean().default(false), // what cannot be enforced is told and left out
  marker: z.string().min(1).nullable().default(null), // free text up to this, then the grammar
});
export type GrammarSource = z.infer<typeof grammarSource>;

// One question. `conversation` keeps the turns of a talk on one slot, so that what they share is read once;
// `priority`: a person who waits goes before work that does not, higher first.
export const askRequest = z.object({
  model: z.string(), // path of a GGUF file; with an external server, the name that it knows
  messages: z.array(chatMessage).min(1),
  grammar: grammarSource.nullable(),
  conversation: z.string().nullable(),
  priority: z.number().int().min(-10).max(10),
  maxTokens: z.number().int().min(1).max(1_000_000),
  temperature: z.number().min(0).max(10),
  topP: z.number().gt(0).max(1),
  seed: z.number().int().min(0).max(0xfffffffe), // a 32-bit seed; the largest one means "random" to the server
  stop: z.array(z.string().min(1)).max(16),
  timeoutSeconds: z.number().positive(), // from when its turn comes to its last token
});
export type AskRequest = z.infer<typeof askRequest>;

// end: the model was done, or a stop text came; limit: tokens or context ran out; user: cancelled.
export const stopReason = z.enum(['end', 'limit', 'user']);
export type StopReason = z.infer<typeof stopReason>;

export const answerFigures = z.object({
  tokens: count, // generated
  promptTokens: count,
  cachedTokens: count, // of the prompt, found in the slot's cache
  seconds, // from asking to the last token
  firstTokenSeconds: seconds.nullable(), // null when none came
  tokensPerSecond: z.number().nonnegative(), // while generating
  waitSeconds: seconds, // for its turn
});
export type AnswerFigures = z.infer<typeof answerFigures>;

// `valid` is our own judgement of the text against the grammar: null without one, false when truncated.
export const answer = answerFigures.extend({
  text: z.string(),
  stopped: stopReason,
  valid: z.boolean().nullable(),
  model: z.string(),
});
export type Answer = z.infer<typeof answer>;

// What a server binary was found to do, on a process of its own that is thrown away.
export const serverCapabilities = z.object({
  version: z.string(),
  llguidance: z.boolean(), // takes Lark and all JSON schemas
  gbnf: z.boolean(), // constrains by GBNF at all
  devices: z.array(z.object({ name: z.string(), totalBytes: count, freeBytes: count })), // besides the processor
});
export type ServerCapabilities = z.infer<typeof serverCapabilities>;

// The supervisor's states; `model` is the path that is, or was to be, loaded.
export const serverState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent'), failure }),
  z.object({ kind: z.literal('stopped') }),
  z.object({ kind: z.literal('starting'), model: z.string(), attempt: count }),
  z.object({
    kind: z.literal('loading'),
    model: z.string(),
    attempt: count,
    progress: z.number().min(0).max(1),
  }),
  z.object({ kind: z.literal('ready'), model: z.string(), attempt: count, port: count }),
  z.object({
    kind: z.literal('busy'),
    model: z.string(),
    attempt: count,
    port: count,
    active: count, // requests in flight
    next: z.string().nullable(), // loaded when the last of them has ended
  }),
  z.object({ kind: z.literal('swapping'), model: z.string(), next: z.string(), forced: z.boolean() }),
  z.object({ kind: z.literal('stopping'), model: z.string(), forced: z.boolean() }),
  z.object({
    kind: z.literal('crashed'),
    model: z.string(),
    attempt: count, // the one that failed, from 0
    failure,
    retryMs: z.number().nonnegative().nullable(), // null: no further try
  }),
]);
export type ServerState = z.infer<typeof serverState>;
