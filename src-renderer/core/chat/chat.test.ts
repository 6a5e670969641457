import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyDocument, on, type StudioDocument } from '../document.ts';
import { type Action, amend, beginHistory, type History, perform, redo, undo } from '../history.ts';
import {
  beginTalk,
  type ChatEvent,
  finish,
  removeTalk,
  renameTalk,
  say,
  setTalk,
  showSibling,
} from './actions.ts';
import {
  type ChatDocument,
  chatDocument,
  defaultSettings,
  emptyChat,
  newConversation,
  newMessage,
  searchTalks,
  shownPath,
  siblingsOf,
  titleOf,
} from './model.ts';

function talkOf(chat: ChatDocument) {
  const [talk] = chat.conversations;
  if (talk === undefined) throw new Error('there is no conversation');
  return talk;
}

const play = (chat: ChatDocument, events: ChatEvent[]): ChatDocument =>
  events.reduce((now, event) => event(now), chat);

describe('branches', () => {
  const talk = newConversation(defaultSettings, 1);
  const question = newMessage('user', null, 'How deep is the sea?', 1);
  const first = newMessage('assistant', question.id, 'Deep.', 2);
  const again = newMessage('assistant', question.id, 'Four kilometres.', 3);
  const follow = newMessage('user', first.id, 'How deep?', 4);
  const all = [beginTalk(talk), ...[question, first, follow, again].map((each) => say(talk.id, each))];
  const chat = play(emptyChat(), all);

  it('show what was said last, and keep what was said before', () => {
    expect(shownPath(talkOf(chat)).map(({ text }) => text)).toEqual([question.text, again.text]);
    expect(siblingsOf(talkOf(chat), question.id)).toHaveLength(2);
  });
  it('come back with what followed them', () => {
    const back = showSibling(talk.id, first)(chat);
    expect(shownPath(talkOf(back)).map(({ text }) => text)).toEqual([
      'How deep is the sea?',
      'Deep.',
      'How deep?',
    ]);
  });
  it('take an edited first question as a branch too', () => {
    const edited = newMessage('user', null, 'How wide is it?', 9);
    const next = say(talk.id, edited)(chat);
    expect(shownPath(talkOf(next))).toEqual([edited]);
    expect(siblingsOf(talkOf(next), null)).toHaveLength(2);
  });
  it('do not take a message of an unknown parent, nor one twice', () => {
    expect(say(talk.id, newMessage('user', 'nobody', 'x', 1))(chat)).toBe(chat);
    expect(say(talk.id, first)(chat)).toBe(chat);
  });
  it('survive being saved', () => {
    expect(chatDocument.parse(JSON.parse(JSON.stringify(chat)))).toEqual(chat);
  });
  it('end where a circle would begin', () => {
    const [a, b] = [newMessage('user', null, 'a', 1), newMessage('user', null, 'b', 1)];
    const circle = {
      ...talk,
      shown: a.id,
      messages: [
        { ...a, shown: b.id },
        { ...b, shown: a.id },
      ],
    };
    expect(shownPath(circle)).toHaveLength(2);
  });
});

describe('conversations', () => {
  it('are called by what was asked first, until they have a title', () => {
    const talk = newConversation(defaultSettings, 1);
    expect(titleOf(talk)).toBe('New conversation');
    const chat = play(emptyChat(), [beginTalk(talk), say(talk.id, newMessage('user', null, '  a\n b ', 1))]);
    expect(titleOf(talkOf(chat))).toBe('a b');
    expect(titleOf(talkOf(renameTalk(talk.id, ' Sea ').apply(chat)))).toBe('Sea');
  });
  it('are found by every word, newest first', () => {
    const talks = [1, 2, 3].map((time) => newConversation(defaultSettings, time));
    const chat = play(emptyChat(), [
      ...talks.map(beginTalk),
      ...talks.map((talk, i) =>
        say(talk.id, newMessage('user', null, i === 1 ? 'a Red house' : 'red fish', i)),
      ),
    ]);
    expect(searchTalks(chat, 'fish RED').map(({ id }) => id)).toEqual([talks[2]?.id, talks[0]?.id]);
    expect(searchTalks(chat, 'whale')).toEqual([]);
  });
});

// What was said must outlive every undo and redo; what a person changed must come back exactly.
describe('undo beside a conversation', () => {
  const record = (history: History<StudioDocument>, event: ChatEvent): History<StudioDocument> =>
    amend(history, (document) => ({ ...document, chat: event(document.chat) }));

  it('takes back what a person did and never what was said', () => {
    const talk = newConversation(defaultSettings, 1);
    let history = record(beginHistory(emptyDocument()), beginTalk(talk));
    history = perform(history, on('chat', renameTalk(talk.id, 'Sea')));
    history = record(history, say(talk.id, newMessage('user', null, 'Hello', 2)));
    history = undo(history);
    expect(titleOf(talkOf(history.present.chat))).toBe('Hello');
    expect(talkOf(redo(history).present.chat)).toMatchObject({ title: 'Sea', messages: [{ text: 'Hello' }] });
  });

  it('brings a deleted conversation back with what was said in it meanwhile', () => {
    const talk = newConversation(defaultSettings, 1);
    const answer = newMessage('assistant', null, '', 2);
    let history = record(record(beginHistory(emptyDocument()), beginTalk(talk)), say(talk.id, answer));
    history = perform(history, on('chat', removeTalk(talk.id)));
    history = record(history, finish(talk.id, answer.id, 'Late.', null, null));
    expect(history.present.chat.conversations).toEqual([]);
    expect(talkOf(undo(history).present.chat).messages[0]?.text).toBe('Late.');
  });

  it('undoes to the start and redoes to the end, whatever was done and said', () => {
    const move = fc.record({ kind: fc.nat(5), pick: fc.nat(7), value: fc.nat(99) });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (list) => {
        let history = beginHistory(emptyDocument());
        let events: ChatEvent[] = [];
        const act = (action: Action<ChatDocument>): void => {
          history = perform(history, on('chat', action));
        };
        const tell = (event: ChatEvent): void => {
          events = [...events, event];
          history = record(history, event);
        };
        for (const { kind, pick, value } of list) {
          const { conversations } = history.present.chat;
          const talk = conversations[pick % Math.max(1, conversations.length)];
          const last = talk === undefined ? undefined : shownPath(talk).at(-1);
          if (talk === undefined || kind === 0) tell(beginTalk(newConversation(defaultSettings, value)));
          else if (kind === 1) tell(say(talk.id, newMessage('user', last?.id ?? null, `${value}`, value)));
          else if (kind === 2) act(renameTalk(talk.id, `t${value}`));
          else if (kind === 3) act(removeTalk(talk.id));
          else if (kind === 4) tell(setTalk(talk.id, { maxTokens: value + 1 }));
          else history = undo(history);
        }
        const end = history.present;
        const steps = history.past.length;
        const later = history.future.length;
        while (history.past.length > 0) history = undo(history);
        expect(history.present).toEqual({ ...emptyWith(history, events) });
        while (history.future.length > later) history = redo(history);
        expect(history.past).toHaveLength(steps);
        expect(history.present).toEqual(end);
      }),
      { numRuns: 60 },
    );
  });

  // Nothing but what was said: the start of a history with every event since.
  const emptyWith = (history: History<StudioDocument>, events: readonly ChatEvent[]): StudioDocument => ({
    ...history.present,
    chat: play(emptyChat(), [...events]),
  });
});
