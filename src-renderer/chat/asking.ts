// From what was written to an answer: the question becomes a message, the answer grows as it comes, and its end is
// noted with its figures. Pieces are gathered and shown once a frame, however fast they come.
import { create } from 'zustand';
import { asSluiceError } from '../../src-preload/contract/errors.ts';
import type { ChatAnswer } from '../../src-preload/contract/chat.ts';
import type { GrammarSource } from '../../src-preload/contract/language.ts';
import type { OfferedGrammar } from '../../src-preload/contract/grammars.ts';
import { currentDocument, recordOn } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { queryClient } from '../app/queries.ts';
import { studio } from '../app/studio.ts';
import { beginTalk, finish, hear, say } from '../core/chat/actions.ts';
import {
  type AnswerFacts,
  type Conversation,
  type Message,
  newConversation,
  newMessage,
  shownPath,
  type UsedGrammar,
} from '../core/chat/model.ts';
import { useLayout } from '../app/shell/layout.ts';
import { isShown } from '../core/layout.ts';
import { describeActions, offersOf, onlyOffered } from '../core/proposals/vocabulary.ts';
import { showGhost } from './proposals.ts';
import { grammarsQuery, refreshStatus } from './queries.ts';
import { currentSettings, useNewSettings } from './settings.ts';
import { focusComposer, openTalk, showTalk, useChatView } from './view.ts';

export interface Stream {
  readonly text: string;
  readonly pieces: number;
  readonly since: number | null; // when the first piece came, in milliseconds
  readonly now: number; // when the last one came
}

const nothingYet: Stream = { text: '', pieces: 0, since: null, now: 0 };

// Answers that are coming, by message.
export const useStreams = create<{ streams: Readonly<Record<string, Stream>> }>()(() => ({ streams: {} }));
export const isComing = (id: string): boolean => useStreams.getState().streams[id] !== undefined;
export const useStream = (id: string): Stream | undefined => useStreams(({ streams }) => streams[id]);

const waiting = new Map<string, { text: string; pieces: number }>();
let frame = 0;

function showWaiting(): void {
  frame = 0;
  const now = performance.now();
  useStreams.setState(({ streams }) => {
    const next = { ...streams };
    for (const [id, { text, pieces }] of waiting) {
      const before = next[id];
      if (before === undefined) continue;
      next[id] = {
        text: before.text + text,
        pieces: before.pieces + pieces,
        since: before.since ?? now,
        now,
      };
    }
    return { streams: next };
  });
  waiting.clear();
}

// Hidden windows draw no frames, and answers go on.
function gather(id: string, text: string): void {
  const before = waiting.get(id) ?? { text: '', pieces: 0 };
  waiting.set(id, { text: before.text + text, pieces: before.pieces + 1 });
  if (document.hidden) showWaiting();
  else if (frame === 0) frame = requestAnimationFrame(showWaiting);
}

const begin = (id: string): void =>
  useStreams.setState(({ streams }) => ({ streams: { ...streams, [id]: nothingYet } }));

function end(id: string): string {
  if (waiting.has(id)) showWaiting();
  const text = useStreams.getState().streams[id]?.text ?? '';
  useStreams.setState(({ streams }) => ({
    streams: Object.fromEntries(Object.entries(streams).filter(([other]) => other !== id)),
  }));
  return text;
}

export const followAnswers = (): (() => void) => {
  const leave = [
    studio.chat.text(({ id, text }) => gather(id, text)),
    studio.chat.notice(({ text }) => tell(text)),
  ];
  return () => leave.forEach((stop) => stop());
};

const MARKER = 'ANSWER:';

interface Constraint {
  source: GrammarSource;
  used: UsedGrammar;
  system: string;
}

async function constraintOf({ settings }: Pick<Conversation, 'settings'>): Promise<Constraint | null> {
  if (settings.grammar === null) return null;
  const offered = await queryClient.query({ ...grammarsQuery, staleTime: 'static' });
  const grammar = offered.find(({ name }) => name === settings.grammar);
  if (grammar === undefined)
    throw new Error('the grammar that was chosen is not there any more; choose another one');
  const marker = settings.think ? MARKER : null;
  return {
    source: { kind: grammar.kind, text: sentText(grammar), lenient: false, marker },
    used: { name: grammar.name, title: grammar.title, marker },
    system: systemFor(grammar, marker),
  };
}

// What is on the screen can be acted on: a proposal is seen where it would come.
const offers = () => {
  const layout = useLayout.getState();
  return offersOf({ canvas: isShown(layout, 'canvas'), roll: isShown(layout, 'roll') });
};

const isActions = ({ name, own }: OfferedGrammar): boolean => name === 'studio-actions' && !own;
const sentText = (grammar: OfferedGrammar): string =>
  isActions(grammar) ? onlyOffered(grammar.text, offers()) : grammar.text;

const systemFor = (grammar: OfferedGrammar, marker: string | null): string =>
  [
    grammar.system,
    isActions(grammar) ? `Actions:\n${describeActions(offers())}` : '',
    marker === null ? '' : `Think first, in a few sentences. Then write ${marker} and the answer after it.`,
  ]
    .filter(Boolean)
    .join('\n\n');

const randomSeed = (): number => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % 0xffffffff;

const factsOf = ({
  model,
  tokens,
  promptTokens,
  seconds,
  tokensPerSecond,
  contextTokens,
  stopped,
  valid,
}: ChatAnswer): AnswerFacts => ({
  model: model.replace(/^.*[/\\]/, ''), // where it lies is nobody's business in a project
  tokens,
  promptTokens,
  seconds,
  tokensPerSecond,
  contextTokens,
  stopped,
  valid,
});

const KEEP_MS = 1500; // how much of an answer a crash may cost

async function answer(talkId: string, parent: Message): Promise<void> {
  const talk = currentDocument().chat.conversations.find(({ id }) => id === talkId);
  if (talk === undefined) return;
  let message = newMessage('assistant', parent.id, '', Date.now());
  let keeping: ReturnType<typeof setInterval> | undefined;
  try {
    const constraint = await constraintOf(talk);
    message = { ...message, grammar: constraint?.used ?? null };
    begin(message.id);
    recordOn('chat', say(talkId, message));
    keeping = setInterval(() => {
      const text = useStreams.getState().streams[message.id]?.text;
      if (text !== undefined) recordOn('chat', hear(talkId, message.id, text));
    }, KEEP_MS);
    const { settings } = talk;
    const system = [settings.system, constraint?.system ?? '']
      .filter((text) => text.trim() !== '')
      .join('\n\n');
    const path = shownPath(talk).filter(({ text }) => text.trim() !== '');
    const made = await studio.chat.ask({
      id: message.id,
      conversation: talkId,
      model: settings.model,
      messages: [
        ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
        ...path.map(({ role, text }) => ({ role, content: text })),
      ],
      grammar: constraint?.source ?? null,
      maxTokens: settings.maxTokens,
      temperature: settings.temperature,
      topP: settings.topP,
      seed: settings.seed ?? randomSeed(),
    });
    end(message.id);
    recordOn('chat', finish(talkId, message.id, made.text, factsOf(made), null));
    const whole = openTalk()?.messages.find(({ id }) => id === message.id);
    if (whole !== undefined) showGhost(talkId, whole);
  } catch (error) {
    const { message: why, hint, code } = asSluiceError(error);
    const text = end(message.id);
    recordOn('chat', say(talkId, message));
    recordOn('chat', finish(talkId, message.id, text, null, { message: why, hint, code }));
    void refreshStatus();
  } finally {
    clearInterval(keeping);
  }
}

function ask(talkId: string, parent: string | null, text: string): void {
  const question = newMessage('user', parent, text, Date.now());
  recordOn('chat', say(talkId, question));
  void answer(talkId, question);
}

export function sendQuestion(text: string): void {
  if (text.trim() === '') return;
  let talk = openTalk();
  if (talk === undefined) {
    talk = newConversation(currentSettings(), Date.now());
    recordOn('chat', beginTalk(talk));
    showTalk(talk.id);
    useNewSettings.getState().reset();
  }
  ask(talk.id, shownPath(talk).at(-1)?.id ?? null, text.trim());
  focusComposer();
}

// The question in other words, as a branch beside it.
export function editQuestion(talk: Conversation, message: Message, text: string): void {
  useChatView.setState({ editing: null });
  if (text.trim() !== '' && text.trim() !== message.text) ask(talk.id, message.parent, text.trim());
}

// Another answer to the same question, beside the first.
export function askAgain(talk: Conversation, message: Message): void {
  const question = talk.messages.find(({ id }) => id === message.parent);
  if (question === undefined) return;
  void answer(talk.id, { ...question });
}

export function stopAnswers(): void {
  for (const id of Object.keys(useStreams.getState().streams)) studio.chat.stop(id).catch(tellFailure);
}

export const useIsAnswering = (talk: Conversation | undefined): boolean =>
  useStreams(({ streams }) => talk?.messages.some(({ id }) => streams[id] !== undefined) ?? false);
