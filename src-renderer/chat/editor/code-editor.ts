// CodeMirror with our compiler as its linter.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching } from '@codemirror/language';
import { type Diagnostic, forceLinting, linter, lintGutter, lintKeymap } from '@codemirror/lint';
import { Compartment, EditorState, type Text } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import type { GrammarKind, GrammarProblem } from '../../../src-preload/contract/grammar.ts';
import type { GrammarReport } from '../../../src-preload/contract/grammars.ts';
import { modeOf } from './modes.ts';

const CHECK_MS = 250; // after the last key

export interface CodeEditorOptions {
  parent: HTMLElement;
  kind: GrammarKind;
  text: string;
  check: (kind: GrammarKind, text: string) => Promise<GrammarReport>;
  onText: (text: string) => void;
  onReport: (report: GrammarReport) => void;
}

// Where a problem is marked: the word at its place, or the first line where none was told.
export function rangeOf({ line, column }: GrammarProblem, text: Text): { from: number; to: number } {
  const at = text.line(Math.min(Math.max(1, line), text.lines));
  if (line === 0) return { from: at.from, to: at.to };
  const from = Math.min(at.from + Math.max(0, column - 1), at.to);
  const word = /^[\w-]+|^"[^"]*"?|^\S/.exec(text.sliceString(from, at.to))?.[0] ?? '';
  return { from: word === '' ? Math.max(at.from, from - 1) : from, to: from + word.length };
}

export class CodeEditor {
  readonly view: EditorView;
  readonly #mode = new Compartment();
  #kind: GrammarKind;

  constructor({ parent, kind, text, check, onText, onReport }: CodeEditorOptions) {
    this.#kind = kind;
    const lint = linter(
      async (view): Promise<Diagnostic[]> => {
        const { doc } = view.state;
        const report = await check(this.#kind, doc.toString());
        if (view.state.doc !== doc) return [];
        onReport(report);
        return report.problems.map((problem) => ({
          ...rangeOf(problem, doc),
          severity: report.ok ? 'warning' : 'error',
          message: problem.message,
        }));
      },
      { delay: CHECK_MS },
    );
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          lintGutter(),
          history(),
          drawSelection(),
          bracketMatching(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]),
          EditorView.contentAttributes.of({ 'aria-label': 'Grammar' }),
          this.#mode.of(modeOf(kind)),
          lint,
          EditorView.updateListener.of((update) => {
            if (update.docChanged) onText(update.state.doc.toString());
          }),
        ],
      }),
    });
    forceLinting(this.view);
  }

  setKind(kind: GrammarKind): void {
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.view.dispatch({ effects: this.#mode.reconfigure(modeOf(kind)) });
    forceLinting(this.view);
  }

  // The line and column of a problem, both from 1.
  goTo(line: number, column: number): void {
    const at = this.view.state.doc.line(Math.min(Math.max(1, line), this.view.state.doc.lines));
    const anchor = Math.min(at.to, at.from + Math.max(0, column - 1));
    this.view.dispatch({ selection: { anchor }, scrollIntoView: true });
    this.view.focus();
  }

  destroy(): void {
    this.view.destroy();
  }
}
