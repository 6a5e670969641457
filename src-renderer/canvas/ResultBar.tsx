// What to do with the pictures that came back.
import { Check, ChevronLeft, ChevronRight, X } from 'lucide-react';
import { IconButton } from '../ui/IconButton.tsx';
import { discardCandidates, keepCandidate, stepCandidate, useResults } from './results.ts';

export function ResultBar() {
  const { candidates } = useResults();
  if (candidates === null) return null;
  const { pictures, index } = candidates;
  return (
    <div className="result-bar floating" role="group" aria-label="Result">
      {pictures.length > 1 && (
        <>
          <IconButton label="Previous result" icon={ChevronLeft} onClick={() => stepCandidate(-1)} />
          <span className="result-count">
            {index + 1} / {pictures.length}
          </span>
          <IconButton label="Next result" icon={ChevronRight} onClick={() => stepCandidate(1)} />
        </>
      )}
      <button type="button" className="button button-primary" onClick={keepCandidate}>
        <Check size={15} aria-hidden /> Keep as layer
      </button>
      <button type="button" className="button" onClick={discardCandidates}>
        <X size={15} aria-hidden /> Discard
      </button>
    </div>
  );
}
