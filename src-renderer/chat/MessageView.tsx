// One message: its text or card, its figures, its branches, and what can be done with it.
import { ChevronLeft, ChevronRight, CircleAlert, Copy, Pencil, RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { recordOn } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { showSibling } from '../core/chat/actions.ts';
import { type AnswerFacts, type Conversation, type Message, siblingsOf } from '../core/chat/model.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { answerPart } from './answers.ts';
import { askAgain, editQuestion, type Stream, useStream } from './asking.ts';
import { AnswerCard } from './cards/AnswerCard.tsx';
import { useChatView } from './view.ts';

function Branches({ talk, message }: { talk: Conversation; message: Message }) {
  const siblings = siblingsOf(talk, message.parent);
  if (siblings.length < 2) return null;
  const at = siblings.findIndex(({ id }) => id === message.id);
  const go = (by: number): void => {
    const next = siblings[at + by];
    if (next !== undefined) recordOn('chat', showSibling(talk.id, next));
  };
  return (
    <span className="branches" role="group" aria-label="Versions of this message">
      <IconButton
        label="Previous version"
        icon={ChevronLeft}
        size={13}
        disabled={at === 0}
        onClick={() => go(-1)}
      />
      <span>
        {at + 1} / {siblings.length}
      </span>
      <IconButton
        label="Next version"
        icon={ChevronRight}
        size={13}
        disabled={at === siblings.length - 1}
        onClick={() => go(1)}
      />
    </span>
  );
}

function Edit({ talk, message }: { talk: Conversation; message: Message }) {
  const [text, setText] = useState(message.text);
  const close = (): void => useChatView.setState({ editing: null });
  return (
    <div className="message-edit">
      <textarea
        className="field"
        aria-label="Your question"
        autoFocus
        rows={Math.min(10, text.split('\n').length + 1)}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') close();
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          editQuestion(talk, message, text);
        }}
      />
      <div className="message-edit-actions">
        <button
          type="button"
          className="button button-primary"
          onClick={() => editQuestion(talk, message, text)}
        >
          Ask
        </button>
        <button type="button" className="button" onClick={close}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function liveFigures({ pieces, since, now }: Stream): string {
  if (since === null) return 'Reading the question…';
  const seconds = (now - since) / 1000;
  return seconds < 0.2 ? `${pieces} tokens` : `${pieces} tokens, ${((pieces - 1) / seconds).toFixed(1)}/s`;
}

const endings = { end: '', limit: ', cut off at its limit', user: ', stopped' };

const figures = ({ tokens, tokensPerSecond, stopped, seconds }: AnswerFacts): string =>
  `${tokens} tokens, ${tokensPerSecond.toFixed(1)}/s, ${seconds.toFixed(1)} s${endings[stopped]}`;

const copy = (text: string): void => {
  navigator.clipboard.writeText(text).then(() => tell('Copied.'), tellFailure);
};

function Answer({ talk, message }: { talk: Conversation; message: Message }) {
  const stream = useStream(message.id);
  const shown = stream === undefined ? message : { ...message, text: stream.text };
  const { facts, failure, grammar } = message;
  const cutOff = stream === undefined && facts === null && failure === null;
  return (
    <>
      <AnswerCard talk={talk} message={shown} coming={stream !== undefined} />
      {failure !== null && (
        <p className="message-failure">
          <CircleAlert size={14} aria-hidden />
          <span>
            {failure.message}
            {failure.hint !== '' && <span className="hint"> {failure.hint}</span>}
          </span>
        </p>
      )}
      <div className="message-foot">
        <Branches talk={talk} message={message} />
        <span className="message-figures">
          {stream !== undefined && liveFigures(stream)}
          {facts !== null && figures(facts)}
          {cutOff && 'Cut off when the studio ended'}
        </span>
        {grammar !== null && facts !== null && (
          <span className={`badge ${facts.valid === true ? '' : 'badge-bad'}`}>
            {grammar.title}
            {facts.valid === true ? '' : ', not whole'}
          </span>
        )}
        {stream === undefined && (
          <span className="message-actions">
            <IconButton label="Copy" icon={Copy} size={13} onClick={() => copy(answerPart(message).answer)} />
            <IconButton
              label="Answer again"
              icon={RefreshCw}
              size={13}
              onClick={() => askAgain(talk, message)}
            />
          </span>
        )}
      </div>
    </>
  );
}

export function MessageView({ talk, message }: { talk: Conversation; message: Message }) {
  const editing = useChatView((state) => state.editing === message.id);
  if (message.role === 'assistant') {
    return (
      <li className="message message-answer" aria-label="Answer">
        <Answer talk={talk} message={message} />
      </li>
    );
  }
  return (
    <li className="message message-question" aria-label="Question">
      {editing ? (
        <Edit talk={talk} message={message} />
      ) : (
        <>
          <p className="message-text">{message.text}</p>
          <div className="message-foot">
            <Branches talk={talk} message={message} />
            <span className="message-actions">
              <IconButton label="Copy" icon={Copy} size={13} onClick={() => copy(message.text)} />
              <IconButton
                label="Edit the question"
                icon={Pencil}
                size={13}
                onClick={() => useChatView.setState({ editing: message.id })}
              />
            </span>
          </div>
        </>
      )}
    </li>
  );
}
