import { useEffect, useRef } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { usePart } from '../app/document.ts';
import { pitchName } from '../core/music/gm.ts';
import { positionText } from '../core/music/time.ts';
import { ComposePanel } from './composing/ComposePanel.tsx';
import { playExample } from './example.ts';
import { chooseMidi, listenForFiles } from './files.ts';
import { listenToPointer } from './input.ts';
import { silenceRoll } from './commands.ts';
import { openPorts } from './playback/midi-ports.ts';
import { keyDown, keyUp, listenToTyping } from './playback/playing.ts';
import { showProposed } from './proposed.ts';
import { RollGhostBar } from './RollGhostBar.tsx';
import { RollStage } from './stage.ts';
import { setStage } from './stage-ref.ts';
import { TrackList } from './TrackList.tsx';
import { Transport } from './Transport.tsx';
import { RollTools } from './RollTools.tsx';
import { useRun } from './composing/run.ts';
import { setRoll, trackOf, useRollView } from './view.ts';

// What the canvas shows of the chosen notes, for those who do not see it.
function Spoken() {
  const music = usePart('music');
  const { track, selected, pitch } = useRollView(
    useShallow(({ track, selected, pitch }) => ({ track, selected, pitch })),
  );
  const notes = trackOf(music, track).notes.filter(({ id }) => selected.has(id));
  const [first] = notes;
  const text =
    first === undefined
      ? `Nothing is chosen; notes are written at ${pitchName(pitch)}.`
      : notes.length > 1
        ? `${notes.length} notes are chosen.`
        : `${pitchName(first.pitch)} at ${positionText(music.meters, first.tick)}, velocity ${first.velocity}.`;
  return (
    <p id="roll-spoken" className="visually-hidden" aria-live="polite">
      {text}
    </p>
  );
}

function Empty() {
  const empty = usePart('music').tracks.every(({ notes }) => notes.length === 0);
  const proposed = useRollView((state) => state.proposed);
  const running = useRun(({ run }) => run !== null);
  if (!empty || proposed !== null || running) return null;
  return (
    <div className="roll-empty">
      <p>Draw notes with the pencil, play them with the computer’s keyboard, or begin with a piece.</p>
      <div>
        <button type="button" className="button button-primary" onClick={playExample}>
          Play the example
        </button>
        <button type="button" className="button" onClick={chooseMidi}>
          Open a MIDI file…
        </button>
        <button type="button" className="button" onClick={() => setRoll({ composer: true })}>
          Compose…
        </button>
      </div>
    </div>
  );
}

function Stage() {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = container.current;
    if (element === null) return undefined;
    const stage = new RollStage(element);
    setStage(stage);
    stage.fit();
    const leave = [listenToPointer(element, stage), listenForFiles(element), showProposed(stage)];
    return () => {
      leave.forEach((stop) => stop());
      setStage(null);
      stage.destroy();
    };
  }, []);
  return (
    <div
      ref={container}
      className="roll-stage"
      role="application"
      aria-label="Notes"
      aria-describedby="roll-spoken"
      tabIndex={0}
    />
  );
}

export function RollPane() {
  const composer = useRollView((state) => state.composer);
  useEffect(() => {
    void openPorts((pitch, velocity) => (velocity > 0 ? keyDown(pitch, velocity) : keyUp(pitch)));
    const leave = listenToTyping();
    return () => {
      leave();
      silenceRoll();
    };
  }, []);
  return (
    <div className="roll">
      <Transport />
      <RollTools />
      <div className={`roll-body ${composer ? 'roll-body-composer' : ''}`}>
        <TrackList />
        <div className="roll-middle">
          <Stage />
          <Empty />
          <Spoken />
          <RollGhostBar />
        </div>
        {composer && <ComposePanel />}
      </div>
    </div>
  );
}
