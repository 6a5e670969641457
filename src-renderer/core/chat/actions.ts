// What can be done to conversations. What a person changes (a title, a deletion) is an action and can be undone; what
// was said is an event: undoing a brush stroke must not take an answer away (core/history.ts, `amend`).
import type { Action } from '../history.ts';
import type { AnswerFacts, ChatDocument, Conversation, Message, TalkSettings } from './model.ts';

type ChatAction = Action<ChatDocument>;
export type ChatEvent = (chat: ChatDocument) => ChatDocument;

function changeTalk(
  chat: ChatDocument,
  id: string,
  change: (talk: Conversation) => Conversation,
): ChatDocument {
  const at = chat.conversations.findIndex((talk) => talk.id === id);
  const talk = chat.conversations[at];
  if (talk === undefined) return chat;
  const next = change(talk);
  return next === talk ? chat : { ...chat, conversations: chat.conversations.with(at, next) };
}

function changeMessage(
  chat: ChatDocument,
  talkId: string,
  id: string,
  changes: Partial<Message>,
): ChatDocument {
  return changeTalk(chat, talkId, (talk) => {
    const at = talk.messages.findIndex((each) => each.id === id);
    const found = talk.messages[at];
    if (found === undefined) return talk;
    const same = (Object.keys(changes) as (keyof Message)[]).every((key) => found[key] === changes[key]);
    return same ? talk : { ...talk, messages: talk.messages.with(at, { ...found, ...changes }) };
  });
}

export const beginTalk =
  (talk: Conversation): ChatEvent =>
  (chat) =>
    chat.conversations.some(({ id }) => id === talk.id)
      ? chat
      : { ...chat, conversations: [...chat.conversations, talk] };

function withShown(talk: Conversation, parent: string | null, shown: string): Conversation {
  if (parent === null) return talk.shown === shown ? talk : { ...talk, shown };
  const at = talk.messages.findIndex((each) => each.id === parent);
  const found = talk.messages[at];
  if (found === undefined || found.shown === shown) return talk;
  return { ...talk, messages: talk.messages.with(at, { ...found, shown }) };
}

// The message is shown in place of its siblings.
export const say =
  (talkId: string, message: Message): ChatEvent =>
  (chat) =>
    changeTalk(chat, talkId, (talk) => {
      if (talk.messages.some(({ id }) => id === message.id)) return talk;
      const known = message.parent === null || talk.messages.some(({ id }) => id === message.parent);
      if (!known) return talk;
      const shown = withShown(talk, message.parent, message.id);
      return { ...shown, time: Math.max(talk.time, message.time), messages: [...shown.messages, message] };
    });

export const hear =
  (talkId: string, id: string, text: string): ChatEvent =>
  (chat) =>
    changeMessage(chat, talkId, id, { text });

export const finish =
  (
    talkId: string,
    id: string,
    text: string,
    facts: AnswerFacts | null,
    failure: Message['failure'],
  ): ChatEvent =>
  (chat) =>
    changeMessage(chat, talkId, id, { text, facts, failure });

// Which of several siblings is shown.
export const showSibling =
  (talkId: string, message: Message): ChatEvent =>
  (chat) =>
    changeTalk(chat, talkId, (talk) => withShown(talk, message.parent, message.id));

export const setTalk =
  (talkId: string, settings: Partial<TalkSettings>): ChatEvent =>
  (chat) =>
    changeTalk(chat, talkId, (talk) => {
      const keys = Object.keys(settings) as (keyof TalkSettings)[];
      if (keys.every((key) => talk.settings[key] === settings[key])) return talk;
      return { ...talk, settings: { ...talk.settings, ...settings } };
    });

export const refuse =
  (talkId: string, id: string): ChatEvent =>
  (chat) =>
    changeMessage(chat, talkId, id, { decision: 'refused' });

// A part of the step that carries the proposal out, so that undoing it opens the question again.
export const accept = (talkId: string, id: string): ChatAction => ({
  label: 'Accept the proposal',
  apply: (chat) => changeMessage(chat, talkId, id, { decision: 'accepted' }),
});

export const renameTalk = (id: string, title: string): ChatAction => ({
  label: 'Rename the conversation',
  apply: (chat) =>
    changeTalk(chat, id, (talk) =>
      talk.title === title.trim() ? talk : { ...talk, title: title.trim().slice(0, 200) },
    ),
});

export const removeTalk = (id: string): ChatAction => ({
  label: 'Delete the conversation',
  apply: (chat) => {
    const conversations = chat.conversations.filter((talk) => talk.id !== id);
    return conversations.length === chat.conversations.length ? chat : { ...chat, conversations };
  },
});
