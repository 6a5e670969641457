// A grammar held against a text: one that a person writes, or a model's answer under it.
import { Play, Square } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Verdict } from '../../src-preload/contract/grammar.ts';
import type { GrammarReport } from '../../src-preload/contract/grammars.ts';
import { tellFailure } from '../app/notices.ts';
import { studio } from '../app/studio.ts';
import { newId } from '../core/ids.ts';
import type { Draft } from './grammar-drafts.ts';
import { useChatStatus } from './queries.ts';

const JUDGE_MS = 150;

function useVerdict({ kind, text }: Draft, valid: boolean, answer: string): Verdict | null {
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  useEffect(() => {
    if (!valid) return undefined;
    let wanted = true;
    const timer = setTimeout(() => {
      studio.grammars.judge({ kind, text, answer }).then((found) => wanted && setVerdict(found), tellFailure);
    }, JUDGE_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [kind, text, valid, answer]);
  return valid ? verdict : null;
}

// The text so far that fits, and what does not.
function Marked({ answer, verdict }: { answer: string; verdict: Verdict }) {
  if (verdict.ok || answer === '') return null;
  return (
    <p className="marked" aria-hidden>
      <span>{answer.slice(Math.max(0, verdict.position - 40), verdict.position)}</span>
      <mark>{answer.slice(verdict.position, verdict.position + 20) || '∅'}</mark>
    </p>
  );
}

function wordsOf(verdict: Verdict): string {
  if (verdict.complete) return 'A whole answer.';
  const expected = verdict.expected.slice(0, 4).join(' or ');
  if (verdict.ok) return `Fits so far; next could be ${expected}.`;
  return `Leaves the grammar at ${verdict.line}:${verdict.column}; expected ${expected}.`;
}

interface Props {
  draft: Draft;
  report: GrammarReport | null;
  onPrompt: (prompt: string) => void;
}

export function GrammarTest({ draft, report, onPrompt }: Props) {
  const [answer, setAnswer] = useState('');
  const [asking, setAsking] = useState<string | null>(null);
  const status = useChatStatus();
  const valid = report?.ok === true;
  const verdict = useVerdict(draft, valid, answer);
  const canAsk =
    valid && status?.hasServer === true && status.models.length > 0 && draft.prompt.trim() !== '';
  useEffect(() => {
    if (asking === null) return undefined;
    const leave = studio.chat.text(({ id, text }) => id === asking && setAnswer((before) => before + text));
    return () => {
      leave();
      studio.chat.stop(asking).catch(tellFailure);
    };
  }, [asking]);
  const ask = async (): Promise<void> => {
    const id = `test-${newId()}`;
    setAnswer('');
    setAsking(id);
    try {
      const made = await studio.chat.ask({
        id,
        conversation: id,
        model: null,
        messages: [{ role: 'user', content: draft.prompt }],
        grammar: { kind: draft.kind, text: draft.text },
        maxTokens: 400,
        temperature: 0.7,
        topP: 0.95,
        seed: 1,
      });
      setAnswer(made.text);
    } catch (error) {
      tellFailure(error);
    } finally {
      setAsking(null);
    }
  };
  return (
    <div className="grammar-test" role="group" aria-label="Test">
      <h3>Try it</h3>
      <textarea
        className="field"
        aria-label="Test prompt"
        placeholder="A prompt to try it with"
        rows={2}
        value={draft.prompt}
        onChange={(event) => onPrompt(event.target.value.slice(0, 2000))}
      />
      {asking === null ? (
        <button
          type="button"
          className="button"
          disabled={!canAsk}
          title={canAsk ? undefined : 'Needs a valid grammar, a prompt and a language model'}
          onClick={() => void ask()}
        >
          <Play size={13} aria-hidden /> Ask the model
        </button>
      ) : (
        <button
          type="button"
          className="button"
          onClick={() => void studio.chat.stop(asking).catch(tellFailure)}
        >
          <Square size={13} aria-hidden /> Stop
        </button>
      )}
      <textarea
        className="field test-answer"
        aria-label="Test answer"
        placeholder="Or type an answer: it is judged as you type"
        rows={8}
        readOnly={asking !== null}
        value={answer}
        onChange={(event) => setAnswer(event.target.value)}
      />
      {verdict !== null && answer !== '' && (
        <>
          <Marked answer={answer} verdict={verdict} />
          <p
            className={verdict.complete ? 'verdict-good' : verdict.ok ? 'hint' : 'verdict-bad'}
            role="status"
          >
            {wordsOf(verdict)}
          </p>
        </>
      )}
    </div>
  );
}
