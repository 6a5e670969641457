// What becomes of a proposal: shown on the canvas, accepted or refused.
import { Check, Eye, EyeOff, X } from 'lucide-react';
import { useGhost } from '../../app/ghost.ts';
import type { Conversation, Message } from '../../core/chat/model.ts';
import { acceptProposal, actionsOf, hideGhost, leftOutOf, refuseProposal, showGhost } from '../proposals.ts';

export function Decide({ talk, message }: { talk: Conversation; message: Message }) {
  const shown = useGhost(({ ghost }) => ghost?.id === message.id);
  const actions = actionsOf(message) ?? [];
  const leftOut = leftOutOf(message, actions);
  if (message.decision !== 'open') {
    return (
      <p className="decided" role="status">
        {message.decision === 'accepted' ? <Check size={14} aria-hidden /> : <X size={14} aria-hidden />}
        {message.decision === 'accepted' ? 'Accepted' : 'Refused'}
      </p>
    );
  }
  return (
    <>
      {leftOut.length > 0 && <p className="hint">Left out: {leftOut.join('; ')}.</p>}
      {actions.length > leftOut.length && (
        <div className="decide" role="group" aria-label="Proposal">
          <button
            type="button"
            className="button button-primary"
            onClick={() => acceptProposal(talk.id, message)}
          >
            <Check size={14} aria-hidden /> Accept
          </button>
          <button type="button" className="button" onClick={() => refuseProposal(talk.id, message)}>
            <X size={14} aria-hidden /> Refuse
          </button>
          <button
            type="button"
            className="button"
            aria-pressed={shown}
            onClick={() => (shown ? hideGhost(message.id) : showGhost(talk.id, message))}
          >
            {shown ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
            {shown ? 'Hide' : 'Show'}
          </button>
        </div>
      )}
    </>
  );
}
