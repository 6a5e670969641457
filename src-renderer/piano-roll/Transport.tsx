// Playing, recording, tempo and metre.
import { Circle, Drum, Keyboard, Pause, Play, Repeat, SkipBack } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { runCommand } from '../app/commands/table.ts';
import { currentDocument, performOn, sealStep, useDocument, usePart } from '../app/document.ts';
import { setMeter, setTempo } from '../core/music/actions.ts';
import { MAX_BPM, type Meter, MIN_BPM } from '../core/music/model.ts';
import { positionText } from '../core/music/time.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { playheadNow } from './playback/player.ts';
import { usePorts } from './playback/midi-ports.ts';
import { NumberField } from './NumberField.tsx';
import { rollNow, useRollView } from './view.ts';

// Written by hand each frame: React has no part in what changes sixty times a second.
function Position() {
  const shown = useRef<HTMLOutputElement>(null);
  useEffect(() => {
    let frame = 0;
    let last = '';
    const show = (): void => {
      cancelAnimationFrame(frame);
      if (rollNow().playing) frame = requestAnimationFrame(show);
      const text = positionText(currentDocument().music.meters, playheadNow());
      if (text === last || shown.current === null) return;
      last = text;
      shown.current.textContent = text;
    };
    show();
    const leave = [useRollView.subscribe(show), useDocument.subscribe(show)];
    return () => {
      leave.forEach((stop) => stop());
      cancelAnimationFrame(frame);
    };
  }, []);
  return <output ref={shown} className="roll-position" aria-label="Position" aria-live="off" />;
}

const meters = ['2/4', '3/4', '4/4', '5/4', '6/8', '7/8', '9/8', '12/8'];

function MeterChoice() {
  const [first] = usePart('music').meters;
  const shown = first === undefined ? '4/4' : `${first.beats}/${first.unit}`;
  return (
    <select
      className="field roll-select"
      aria-label="Metre"
      value={shown}
      onChange={(event) => {
        const [beats = 4, unit = 4] = event.target.value.split('/').map(Number);
        performOn('music', setMeter(beats, unit as Meter['unit']));
      }}
    >
      {[...new Set([...meters, shown])].map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

function Output() {
  const { outputs, output } = usePorts();
  if (outputs.length === 0) return null;
  return (
    <select
      className="field roll-select"
      aria-label="Played by"
      value={output ?? ''}
      onChange={(event) => usePorts.setState({ output: event.target.value || null })}
    >
      <option value="">Studio’s voices</option>
      {outputs.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function Transport() {
  const { playing, recording, loop, metronome, typing, octave } = useRollView(
    useShallow(({ playing, recording, loop, metronome, typing, octave }) => ({
      playing,
      recording,
      loop,
      metronome,
      typing,
      octave,
    })),
  );
  const bpm = usePart('music').tempos[0]?.bpm ?? 120;
  return (
    <div className="roll-bar" role="toolbar" aria-label="Transport">
      <IconButton
        label="Go to the beginning"
        hint="Home"
        icon={SkipBack}
        onClick={() => runCommand('roll.start')}
      />
      <IconButton
        label={playing ? 'Pause' : 'Play'}
        hint="Space"
        icon={playing ? Pause : Play}
        className="roll-play"
        size={18}
        onClick={() => runCommand('roll.play')}
      />
      <IconButton
        label="Record what is played"
        hint="R"
        icon={Circle}
        pressed={recording}
        className="roll-record"
        onClick={() => runCommand('roll.record')}
      />
      <Position />
      <IconButton
        label="Loop"
        hint="Shift+L"
        icon={Repeat}
        pressed={loop.on}
        onClick={() => runCommand('roll.loop')}
      />
      <IconButton
        label="Metronome"
        hint="Ctrl+M"
        icon={Drum}
        pressed={metronome}
        onClick={() => runCommand('roll.metronome')}
      />
      <IconButton
        label="Computer keyboard as a piano"
        hint="Ctrl+K"
        icon={Keyboard}
        pressed={typing}
        onClick={() => runCommand('roll.typing')}
      />
      {typing && <span className="roll-hint">A W S E D… play from C{octave}; Z and X change the octave</span>}
      <span className="roll-gap" />
      <NumberField
        name="Tempo"
        unit="bpm"
        value={Math.round(bpm * 10) / 10}
        min={MIN_BPM}
        max={MAX_BPM}
        onChange={(value) => {
          performOn('music', setTempo(value));
          sealStep();
        }}
      />
      <MeterChoice />
      <Output />
    </div>
  );
}
