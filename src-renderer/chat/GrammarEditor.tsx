// The library of grammars, and an editor that says while one types what our compiler makes of it.
import { Plus, Trash2, X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { useEffect, useRef, useState } from 'react';
import type { GrammarKind } from '../../src-preload/contract/grammar.ts';
import type { GrammarReport, OfferedGrammar } from '../../src-preload/contract/grammars.ts';
import { tellFailure } from '../app/notices.ts';
import { studio } from '../app/studio.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { CodeEditor } from './editor/code-editor.ts';
import { type Draft, draftOf, emptyDraft, removeOwn, saveDraft } from './grammar-drafts.ts';
import { GrammarTest } from './GrammarTest.tsx';
import { useGrammars } from './queries.ts';
import { changeSettings } from './settings.ts';
import { focusComposer, useChatView } from './view.ts';

const kinds: { value: GrammarKind; label: string }[] = [
  { value: 'gbnf', label: 'GBNF' },
  { value: 'lark', label: 'Lark' },
  { value: 'json-schema', label: 'JSON Schema' },
];

const close = (): void => useChatView.setState({ editor: null });

function Library({ chosen, onChoose }: { chosen: string; onChoose: (draft: Draft) => void }) {
  const grammars = useGrammars();
  return (
    <div className="grammar-library">
      <ul aria-label="Library of grammars">
        {grammars.map((grammar) => (
          <li key={grammar.name} className={grammar.name === chosen ? 'talk-open talk' : 'talk'}>
            <button
              type="button"
              className="talk-choose"
              {...(grammar.name === chosen ? { 'aria-current': 'true' as const } : {})}
              onClick={() => onChoose(draftOf(grammar))}
            >
              <span className="talk-title">{grammar.title}</span>
            </button>
            {grammar.own && (
              <IconButton
                label={`Delete ${grammar.title}`}
                icon={Trash2}
                size={13}
                onClick={() => {
                  removeOwn(grammar.name).catch(tellFailure);
                  if (grammar.name === chosen) onChoose(emptyDraft());
                }}
              />
            )}
          </li>
        ))}
      </ul>
      <button type="button" className="button" onClick={() => onChoose(emptyDraft())}>
        <Plus size={14} aria-hidden /> New grammar
      </button>
    </div>
  );
}

interface CodeProps {
  draft: Draft;
  onText: (text: string) => void;
  onReport: (report: GrammarReport) => void;
  editorRef: React.RefObject<CodeEditor | null>;
}

// Made anew for another grammar; typing goes through the editor's own state.
function Code({ draft, onText, onReport, editorRef }: CodeProps) {
  const box = useRef<HTMLDivElement>(null);
  const given = useRef({ draft, onText, onReport });
  useEffect(() => {
    given.current = { draft, onText, onReport };
  });
  useEffect(() => {
    if (box.current === null) return undefined;
    const { draft: first } = given.current;
    const editor = new CodeEditor({
      parent: box.current,
      kind: first.kind,
      text: first.text,
      check: (kind, text) => studio.grammars.check({ kind, text, examples: 3 }),
      onText: (text) => given.current.onText(text),
      onReport: (report) => given.current.onReport(report),
    });
    editorRef.current = editor;
    return () => {
      editorRef.current = null;
      editor.destroy();
    };
  }, [editorRef]);
  useEffect(() => editorRef.current?.setKind(draft.kind), [draft.kind, editorRef]);
  return <div className="grammar-code" ref={box} />;
}

interface ProblemsProps {
  report: GrammarReport | null;
  goTo: (line: number, column: number) => void;
}

function Problems({ report, goTo }: ProblemsProps) {
  if (report === null) return <p className="hint">Checking…</p>;
  const { ok, problems, explanation } = report;
  return (
    <div className="grammar-report" role="status">
      {ok && explanation !== null && (
        <p>
          A valid grammar: {explanation.rules} rules, compiled in {(1000 * explanation.seconds).toFixed(1)} ms
          {explanation.examples[0] === undefined ? '.' : '. For example:'}
        </p>
      )}
      {ok && explanation?.examples[0] !== undefined && (
        <pre className="message-code" tabIndex={0} aria-label="Example">
          {explanation.examples.at(-1)}
        </pre>
      )}
      <ul>
        {problems.map(({ line, column, message }, index) => (
          <li key={index}>
            <button type="button" className="problem" onClick={() => goTo(line, column)}>
              {line > 0 && (
                <strong>
                  {line}:{column}
                </strong>
              )}{' '}
              {ok ? `Not enforced: ${message}` : message}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function GrammarEditor({ name }: { name: string }) {
  const grammars = useGrammars();
  const known = grammars.find((grammar: OfferedGrammar) => grammar.name === name) ?? grammars[0];
  const [draft, setDraft] = useState<Draft>(() => (known === undefined ? emptyDraft() : draftOf(known)));
  const [report, setReport] = useState<GrammarReport | null>(null);
  const editor = useRef<CodeEditor | null>(null);
  const choose = (next: Draft): void => {
    setReport(null);
    setDraft(next);
  };
  const use = async (): Promise<void> => {
    changeSettings({ grammar: draft.changed || draft.name === '' ? await saveDraft(draft) : draft.name });
    close();
    focusComposer();
  };
  const save = async (): Promise<void> => {
    const saved = await saveDraft(draft);
    setDraft({ ...draft, name: saved, own: true, changed: false });
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog grammar-dialog" aria-describedby={undefined}>
          <div className="dialog-head">
            <Dialog.Title>Grammars</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton label="Close" icon={X} />
            </Dialog.Close>
          </div>
          <div className="grammar-body">
            <Library chosen={draft.name} onChoose={choose} />
            <div className="grammar-edit">
              <div className="grammar-head">
                <input
                  className="field"
                  aria-label="Name of the grammar"
                  placeholder="Name of the grammar"
                  maxLength={80}
                  value={draft.title}
                  onChange={(event) => setDraft({ ...draft, title: event.target.value, changed: true })}
                />
                <select
                  className="field"
                  aria-label="Notation"
                  value={draft.kind}
                  onChange={(event) => {
                    setReport(null);
                    setDraft({ ...draft, kind: event.target.value as GrammarKind, changed: true });
                  }}
                >
                  {kinds.map(({ value, label }) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
                </select>
              </div>
              <Code
                key={draft.id}
                draft={draft}
                editorRef={editor}
                onText={(text) => setDraft((now) => ({ ...now, text, changed: true }))}
                onReport={setReport}
              />
              <Problems report={report} goTo={(line, column) => editor.current?.goTo(line, column)} />
            </div>
            <GrammarTest
              draft={draft}
              report={report}
              onPrompt={(prompt) => setDraft({ ...draft, prompt })}
            />
          </div>
          <div className="grammar-foot">
            {!draft.own && draft.changed && draft.name !== '' && (
              <span className="hint">Saved as a grammar of your own; the library’s stays as it is.</span>
            )}
            <button
              type="button"
              className="button"
              disabled={!draft.changed || draft.title.trim() === ''}
              onClick={() => void save().catch(tellFailure)}
            >
              Save
            </button>
            <button
              type="button"
              className="button button-primary"
              disabled={report?.ok !== true || draft.title.trim() === ''}
              onClick={() => void use().catch(tellFailure)}
            >
              Use for the answer
            </button>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
