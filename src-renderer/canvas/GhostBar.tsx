// Over a proposal on the canvas: take it or not.
import { Check, X } from 'lucide-react';
import { useDocument } from '../app/document.ts';
import { useGhost } from '../app/ghost.ts';
import { showKey } from '../app/commands/keys.ts';

export function GhostBar() {
  const ghost = useGhost((state) => state.ghost);
  const document = useDocument(({ history }) => history.present);
  if (ghost === null || ghost.next(document).canvas === document.canvas) return null;
  return (
    <div className="result-bar ghost-bar floating" role="group" aria-label="Proposal">
      <span>Proposed</span>
      <button
        type="button"
        className="button button-primary"
        title={showKey('Alt+Enter')}
        onClick={() => ghost.accept()}
      >
        <Check size={15} aria-hidden /> Accept
      </button>
      <button
        type="button"
        className="button"
        title={showKey('Alt+Backspace')}
        onClick={() => ghost.refuse()}
      >
        <X size={15} aria-hidden /> Refuse
      </button>
    </div>
  );
}
