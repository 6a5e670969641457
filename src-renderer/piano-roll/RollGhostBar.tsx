// Over a proposal on the roll: listen to it, choose among variations, take it or not.
import { Check, Play, Square, X } from 'lucide-react';
import { usePart } from '../app/document.ts';
import { useGhost } from '../app/ghost.ts';
import { showKey } from '../app/commands/keys.ts';
import { asTick } from '../core/music/model.ts';
import { barStart } from '../core/music/time.ts';
import { refuseRun, showVariation, stopRun, useRun } from './composing/run.ts';
import { newNotes } from '../core/music/continue.ts';
import { play, seek, stop } from './playback/player.ts';
import { stageOnScreen } from './stage-ref.ts';
import { useRollView } from './view.ts';

// From the bar in which the first new note is.
function listen(tick: number): void {
  stop(tick);
  seek(tick);
  stageOnScreen()?.reveal(tick);
  play();
}

function Variations() {
  const run = useRun((state) => state.run);
  if (run === null || run.variations.length < 2) return null;
  return (
    <div className="roll-variations" role="group" aria-label="Variations">
      {run.variations.map((variation, index) => (
        <button
          key={index}
          type="button"
          className="button"
          aria-pressed={index === run.shown}
          disabled={variation === null}
          aria-label={`Variation ${index + 1}`}
          onClick={() => showVariation(index)}
        >
          {index + 1}
        </button>
      ))}
    </div>
  );
}

function Told() {
  const run = useRun((state) => state.run);
  const ghost = useGhost((state) => state.ghost);
  const music = usePart('music');
  const proposed = useRollView((state) => state.proposed);
  if (run === null || (ghost !== null && ghost.id !== run.id)) {
    const count = proposed === null ? 0 : newNotes(music, proposed).length;
    return <span>{count === 0 ? 'Proposed' : `Proposed: ${count} notes`}</span>;
  }
  const events = run.variations.reduce((sum, one) => sum + (one?.events ?? 0), 0);
  const text =
    run.state === 'done'
      ? `${events} events, ${Math.round(run.speed ?? 0)} a second`
      : events === 0
        ? 'The model reads…'
        : `Composing: ${events} events`;
  return <output aria-live={run.state === 'done' ? 'polite' : 'off'}>{text}</output>;
}

export function RollGhostBar() {
  const run = useRun((state) => state.run);
  const ghost = useGhost((state) => state.ghost);
  const music = usePart('music');
  const proposed = useRollView((state) => state.proposed);
  if (run === null && proposed === null) return null;
  const shown = proposed === null ? [] : newNotes(music, proposed);
  const first = barStart(music.meters, shown[0]?.tick ?? asTick(0));
  return (
    <div className="roll-ghost-bar floating" role="group" aria-label="Proposed music">
      <Told />
      <Variations />
      {run?.state === 'running' && (
        <button type="button" className="button" onClick={stopRun}>
          <Square size={13} aria-hidden /> Stop
        </button>
      )}
      {proposed !== null && (
        <button type="button" className="button" onClick={() => listen(first)}>
          <Play size={14} aria-hidden /> Listen
        </button>
      )}
      {proposed !== null && (
        <button
          type="button"
          className="button button-primary"
          title={showKey('Alt+Enter')}
          onClick={() => ghost?.accept()}
        >
          <Check size={15} aria-hidden /> Keep
        </button>
      )}
      <button
        type="button"
        className="button"
        title={showKey('Alt+Backspace')}
        onClick={() => (ghost === null ? refuseRun() : ghost.refuse())}
      >
        <X size={15} aria-hidden /> Refuse
      </button>
    </div>
  );
}
