// Talking to a language model as the window sees it: models by name, servers by what they can do, answers as they come.
import { z } from 'zod';
import { call, event, nothing } from './ipc.ts';
import { answer, askRequest, serverState } from './language.ts';

// How a model suits this machine. slow: it runs, but not at the speed of reading, or with a shortened context.
export const modelFit = z.enum(['fits', 'slow', 'too-large', 'unreadable']);
export type ModelFit = z.infer<typeof modelFit>;

export const chatModel = z.object({
  name: z.string(),
  embedded: z.boolean(),
  bytes: z.number().int().nonnegative(),
  parameters: z.number().int().nonnegative(), // 0 when unreadable
  contextTokens: z.number().int().nonnegative(),
  licence: z.string().nullable(),
  fit: modelFit,
  why: z.string(), // a sentence with the figures
});
export type ChatModel = z.infer<typeof chatModel>;

// Fetching the embedded model and building the server, which takes minutes.
export const setUpState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('impossible') }), // an installed studio has nothing to build with
  z.object({ kind: z.literal('idle') }),
  z.object({ kind: z.literal('running'), line: z.string() }),
  z.object({ kind: z.literal('failed'), line: z.string() }),
]);
export type SetUpState = z.infer<typeof setUpState>;

export const chatStatus = z.object({
  hasServer: z.boolean(), // a binary is there; whether it works shows when it is asked
  models: z.array(chatModel),
  state: serverState,
  setUp: setUpState,
});
export type ChatStatus = z.infer<typeof chatStatus>;

export const chatQuestion = askRequest
  .pick({ messages: true, grammar: true, maxTokens: true, temperature: true, topP: true, seed: true })
  .extend({
    id: z.string().min(1), // of the answer, for its events and for stopping it
    conversation: z.string().min(1),
    model: z.string().nullable(), // a name of `status`; null: the embedded one
  });
export type ChatQuestion = z.infer<typeof chatQuestion>;

export const chatAnswer = answer.extend({
  contextTokens: z.number().int().positive().nullable(), // that a conversation may take; null where it was not told
});
export type ChatAnswer = z.infer<typeof chatAnswer>;

export const chat = {
  status: call(nothing, chatStatus),
  // Resolves with the whole answer; what has come of it until then arrives as `text`.
  ask: call(chatQuestion, chatAnswer),
  stop: call(z.string(), nothing),
  // Loads a model ahead of the first question.
  warm: call(z.string().nullable(), nothing),
  setUp: call(nothing, nothing),
  text: event(z.object({ id: z.string(), text: z.string() })),
  notice: event(z.object({ id: z.string(), text: z.string() })),
  state: event(serverState),
  setUpChanged: event(setUpState),
};
