// What is asked, under which grammar, and how much of the context is used.
import { Braces, Brain, SendHorizontal, Square } from 'lucide-react';
import { GivesWay } from '../app/GivesWay.tsx';
import { showKey } from '../app/commands/keys.ts';
import { studio } from '../app/studio.ts';
import { type Conversation, shownPath } from '../core/chat/model.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { sendQuestion, stopAnswers, useIsAnswering, useStreams } from './asking.ts';
import { useChatStatus, useGrammars } from './queries.ts';
import { changeSettings, useSettings } from './settings.ts';
import { NEW, setDraft, useChatView } from './view.ts';

function ContextGauge({ talk }: { talk: Conversation | undefined }) {
  const streams = useStreams((state) => state.streams);
  const path = talk === undefined ? [] : shownPath(talk);
  const at = path.findLastIndex(({ facts }) => facts?.contextTokens != null && facts.promptTokens > 0);
  const facts = path[at]?.facts;
  if (facts?.contextTokens == null) return null;
  // What came since was counted by nobody but us: stopped answers, and those that are coming.
  const since = path.slice(at + 1);
  const later = since.reduce((sum, each) => sum + (streams[each.id]?.pieces ?? each.facts?.tokens ?? 0), 0);
  const used = facts.promptTokens + facts.tokens + later;
  const share = Math.min(1, used / facts.contextTokens);
  const label = `${used} of ${facts.contextTokens} tokens of context used`;
  return (
    <span
      className={`context-gauge ${share > 0.85 ? 'context-full' : ''}`}
      role="meter"
      aria-label="Context"
      aria-valuemin={0}
      aria-valuemax={facts.contextTokens}
      aria-valuenow={Math.min(used, facts.contextTokens)}
      aria-valuetext={label}
      title={label}
    >
      <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden>
        <circle cx="10" cy="10" r="8" className="gauge-track" />
        <circle
          cx="10"
          cy="10"
          r="8"
          className="gauge-used"
          pathLength={100}
          strokeDasharray={`${100 * share} 100`}
        />
      </svg>
      {Math.round(100 * share)}%
    </span>
  );
}

function GrammarChoice() {
  const grammars = useGrammars();
  const { grammar, think } = useSettings();
  return (
    <div className="grammar-choice">
      <select
        aria-label="Grammar of the answer"
        value={grammar ?? ''}
        onChange={(event) =>
          changeSettings({ grammar: event.target.value === '' ? null : event.target.value })
        }
      >
        <option value="">Free text</option>
        {grammars.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
      <IconButton
        label="Look at grammars"
        icon={Braces}
        side="top"
        size={14}
        onClick={() => useChatView.setState({ editor: grammar ?? '' })}
      />
      {grammar !== null && (
        <IconButton
          label="Think freely first"
          icon={Brain}
          side="top"
          size={14}
          pressed={think}
          onClick={() => changeSettings({ think: !think })}
        />
      )}
    </div>
  );
}

function AnswerGivesWay() {
  const { model } = useSettings();
  const models = useChatStatus()?.models.length ?? 0;
  return <GivesWay of={['answer', model]} ask={() => studio.memory.answer(model)} enabled={models > 0} />;
}

export function ChatComposer({ talk }: { talk: Conversation | undefined }) {
  const text = useChatView((state) => state.drafts[talk?.id ?? NEW] ?? '');
  const answering = useIsAnswering(talk);
  const send = (): void => {
    if (answering || text.trim() === '') return;
    setDraft(talk?.id ?? null, '');
    sendQuestion(text);
  };
  return (
    <form
      className="chat-composer"
      aria-label="Question"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        data-field="chat"
        aria-label="Message"
        placeholder="Ask something…"
        rows={2}
        value={text}
        onChange={(event) => setDraft(talk?.id ?? null, event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.altKey || event.nativeEvent.isComposing)
            return;
          event.preventDefault();
          if (!event.ctrlKey && !event.metaKey) send();
        }}
      />
      <AnswerGivesWay />
      <div className="chat-composer-row">
        <GrammarChoice />
        <ContextGauge talk={talk} />
        {answering ? (
          <button type="button" className="button" title={showKey('Escape')} onClick={stopAnswers}>
            <Square size={12} aria-hidden /> Stop
          </button>
        ) : (
          <button type="submit" className="button button-primary" disabled={text.trim() === ''}>
            <SendHorizontal size={14} aria-hidden /> Send
          </button>
        )}
      </div>
    </form>
  );
}
