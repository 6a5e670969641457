// How far painting is, wherever the queue's pane is. Opens it.
import { LoaderCircle } from 'lucide-react';
import { isActive, useJobs } from '../queries.ts';
import { layoutCommands } from './layout.ts';

export function JobBadge() {
  const active = useJobs().filter(isActive);
  const running = active.find(({ state }) => state !== 'queued');
  if (active.length === 0) return null;
  const { step = 0, steps = 0 } = running?.progress ?? {};
  const text = steps > 0 ? `Painting ${step}/${steps}` : 'Painting';
  return (
    <button type="button" className="job-badge" onClick={() => layoutCommands.show('queue')}>
      <LoaderCircle size={14} className="spin" aria-hidden />
      <span>{text}</span>
      {active.length > 1 && <span className="count">{active.length}</span>}
    </button>
  );
}
