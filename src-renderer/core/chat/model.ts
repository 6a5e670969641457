// Conversations as data. Messages form a tree: editing a question or asking again adds a sibling, and every message
// remembers which of its answers is shown. Nothing here knows a server.
import { z } from 'zod';
import { newId } from '../ids.ts';

const id = z.string().min(1);
const count = z.number().nonnegative();

export const answerFacts = z.object({
  model: z.string(),
  tokens: count,
  promptTokens: count,
  seconds: count,
  tokensPerSecond: count,
  contextTokens: count.nullable(),
  stopped: z.enum(['end', 'limit', 'user']),
  valid: z.boolean().nullable(), // against the grammar; null without one
});
export type AnswerFacts = z.infer<typeof answerFacts>;

// The grammar that an answer was held to, as it was called then.
export const usedGrammar = z.object({
  name: z.string(),
  title: z.string(),
  marker: z.string().nullable(), // free thought before it
});
export type UsedGrammar = z.infer<typeof usedGrammar>;

export const message = z.object({
  id,
  parent: id.nullable(),
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  time: z.number(), // milliseconds since 1970
  shown: id.nullable(), // which of the messages that follow
  grammar: usedGrammar.nullable(),
  facts: answerFacts.nullable(), // of an answer that has come to its end
  failure: z.object({ message: z.string(), hint: z.string(), code: z.string() }).nullable(),
  decision: z.enum(['open', 'accepted', 'refused']), // of what it proposes
});
export type Message = z.infer<typeof message>;

export const talkSettings = z.object({
  system: z.string().max(20_000),
  temperature: z.number().min(0).max(2),
  topP: z.number().gt(0).max(1),
  maxTokens: z.number().int().min(1).max(8192),
  seed: z.number().int().min(0).max(0xfffffffe).nullable(), // null: another one each time
  model: z.string().nullable(), // null: the embedded one
  grammar: z.string().nullable(),
  think: z.boolean(), // free thought first, then the grammar
});
export type TalkSettings = z.infer<typeof talkSettings>;

export const defaultSettings: TalkSettings = {
  system: '',
  temperature: 0.7,
  topP: 0.95,
  maxTokens: 512,
  seed: null,
  model: null,
  grammar: null,
  think: false,
};

export const conversation = z.object({
  id,
  title: z.string().max(200),
  time: z.number(), // of its last message
  shown: id.nullable(), // which of the first messages
  messages: z.array(message),
  settings: talkSettings,
});
export type Conversation = z.infer<typeof conversation>;

export const chatDocument = z.object({ conversations: z.array(conversation) }); // oldest first
export type ChatDocument = z.infer<typeof chatDocument>;

export const emptyChat = (): ChatDocument => ({ conversations: [] });

export function newConversation(settings: TalkSettings, time: number): Conversation {
  return { id: newId(), title: '', time, shown: null, messages: [], settings };
}

export function newMessage(
  role: Message['role'],
  parent: string | null,
  text: string,
  time: number,
  grammar: UsedGrammar | null = null,
): Message {
  return {
    id: newId(),
    parent,
    role,
    text,
    time,
    shown: null,
    grammar,
    facts: null,
    failure: null,
    decision: 'open',
  };
}

export const siblingsOf = ({ messages }: Conversation, parent: string | null): Message[] =>
  messages.filter((other) => other.parent === parent);

// From the first message to the last one that is shown.
export function shownPath(talk: Conversation): Message[] {
  const byId = new Map(talk.messages.map((each) => [each.id, each]));
  const path: Message[] = [];
  let next = talk.shown;
  while (next !== null) {
    const found = byId.get(next);
    if (found === undefined || path.length >= byId.size) break;
    path.push(found);
    next = found.shown;
  }
  return path;
}

export const titleOf = ({ title, messages }: Conversation): string => {
  const words = title || (messages[0]?.text.trim().replace(/\s+/g, ' ') ?? '');
  if (words === '') return 'New conversation';
  return words.length > 60 ? `${words.slice(0, 59)}…` : words;
};

// Conversations whose title or messages hold every word, newest first.
export function searchTalks({ conversations }: ChatDocument, wanted: string): Conversation[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return [...conversations]
    .sort((a, b) => b.time - a.time)
    .filter((talk) => {
      if (words.length === 0) return true;
      const text = [titleOf(talk), ...talk.messages.map((each) => each.text)].join('\n').toLowerCase();
      return words.every((word) => text.includes(word));
    });
}
