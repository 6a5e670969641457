// What live painting made last, beside the drawing.
import { Check, X } from 'lucide-react';
import { IconButton } from '../ui/IconButton.tsx';
import { stopLive, takeLive, useLive } from './live.ts';

export function LivePanel() {
  const { on, shown, job } = useLive();
  if (!on) return null;
  const { step = 0, steps = 0 } = job?.progress ?? {};
  return (
    <div className="live floating" role="group" aria-label="Live painting">
      <div className="live-head">
        <span>Live</span>
        <IconButton label="Stop painting live" icon={X} size={14} onClick={stopLive} />
      </div>
      {shown === null ? (
        <p className="hint live-picture">
          {job === null ? 'Draw, or change the prompt.' : 'The first picture comes…'}
        </p>
      ) : (
        <img
          className="live-picture"
          src={shown.picture.url}
          alt={`Live: ${shown.prompt}`}
          draggable={false}
          onDoubleClick={takeLive}
        />
      )}
      <div className="progress" aria-hidden>
        <div style={{ width: `${(100 * step) / Math.max(1, steps)}%` }} />
      </div>
      <button type="button" className="button" disabled={shown === null} onClick={takeLive}>
        <Check size={14} aria-hidden /> Keep as layer
      </button>
    </div>
  );
}
