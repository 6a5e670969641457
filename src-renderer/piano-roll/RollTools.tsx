// Tools, grid, scale, and what is set of the chosen notes.
import { AlignStartVertical, Ghost, MousePointer2, Pencil, Sparkles, StepForward } from 'lucide-react';
import { useShallow } from 'zustand/react/shallow';
import { showKey } from '../app/commands/keys.ts';
import { runCommand } from '../app/commands/table.ts';
import { performOn, sealStep, usePart } from '../app/document.ts';
import { setAllVelocities, transpose } from '../core/music/actions.ts';
import { pitchClasses, type ScaleName, scales } from '../core/music/gm.ts';
import { isDrums } from '../core/music/model.ts';
import { grids } from '../core/music/time.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberField } from './NumberField.tsx';
import { currentTrack, setRoll, trackOf, useRollView } from './view.ts';

function ScaleChoice() {
  const { scaleHelper, track } = useRollView(
    useShallow(({ scaleHelper, track }) => ({ scaleHelper, track })),
  );
  const music = usePart('music');
  if (isDrums(trackOf(music, track))) return null;
  return (
    <>
      <select
        className="field roll-select"
        aria-label="Scale"
        value={scaleHelper?.name ?? ''}
        onChange={(event) => {
          const name = event.target.value as ScaleName | '';
          setRoll({ scaleHelper: name === '' ? null : { root: scaleHelper?.root ?? 0, name } });
        }}
      >
        <option value="">All keys</option>
        {Object.keys(scales).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {scaleHelper !== null && (
        <select
          className="field roll-select"
          aria-label="Root of the scale"
          value={scaleHelper.root}
          onChange={(event) => setRoll({ scaleHelper: { ...scaleHelper, root: Number(event.target.value) } })}
        >
          {pitchClasses.map((name, root) => (
            <option key={name} value={root}>
              {name}
            </option>
          ))}
        </select>
      )}
    </>
  );
}

function Chosen() {
  const music = usePart('music');
  const { track, selected, velocity } = useRollView(
    useShallow(({ track, selected, velocity }) => ({ track, selected, velocity })),
  );
  const current = trackOf(music, track);
  const notes = current.notes.filter(({ id }) => selected.has(id));
  const shown =
    notes.length === 0
      ? velocity
      : Math.round(notes.reduce((sum, note) => sum + note.velocity, 0) / notes.length);
  return (
    <>
      <NumberField
        name="Velocity"
        unit={notes.length === 0 ? 'next' : notes.length === 1 ? '1 note' : `${notes.length} notes`}
        value={shown}
        min={1}
        max={127}
        onChange={(value) => {
          setRoll({ velocity: Math.round(value) });
          if (notes.length === 0) return;
          performOn('music', setAllVelocities(current.id, selected, value));
          sealStep();
        }}
      />
      {notes.length > 0 && (
        <div className="roll-transpose">
          <NumberField
            name="Transpose"
            unit="semitones"
            value={0}
            min={-127}
            max={127}
            onChange={(by) => performOn('music', transpose(currentTrack().id, selected, by))}
          />
        </div>
      )}
    </>
  );
}

export function RollTools() {
  const { tool, grid, ghosts, stepping, composer } = useRollView(
    useShallow(({ tool, grid, ghosts, stepping, composer }) => ({ tool, grid, ghosts, stepping, composer })),
  );
  return (
    <div className="roll-bar" role="toolbar" aria-label="Roll tools">
      <IconButton
        label="Pencil"
        hint="1"
        icon={Pencil}
        pressed={tool === 'pencil'}
        onClick={() => setRoll({ tool: 'pencil' })}
      />
      <IconButton
        label="Select"
        hint="2"
        icon={MousePointer2}
        pressed={tool === 'select'}
        onClick={() => setRoll({ tool: 'select' })}
      />
      <select
        className="field roll-select"
        aria-label="Grid"
        title="Notes snap to this; Shift while dragging bypasses it"
        value={grid}
        onChange={(event) => setRoll({ grid: Number(event.target.value) })}
      >
        {grids.map(({ name }, index) => (
          <option key={name} value={index}>
            {name}
          </option>
        ))}
      </select>
      <IconButton
        label="Quantise"
        hint="Q"
        icon={AlignStartVertical}
        onClick={() => runCommand('roll.quantise')}
      />
      <IconButton
        label="Step recording"
        hint="Shift+S"
        icon={StepForward}
        pressed={stepping}
        onClick={() => setRoll({ stepping: !stepping })}
      />
      <IconButton
        label="Show other tracks as ghosts"
        hint=","
        icon={Ghost}
        pressed={ghosts}
        onClick={() => setRoll({ ghosts: !ghosts })}
      />
      <ScaleChoice />
      <span className="roll-gap" />
      <Chosen />
      <button
        type="button"
        className="button roll-compose"
        aria-pressed={composer}
        title={showKey('Shift+C')}
        onClick={() => runCommand('roll.composer')}
      >
        <Sparkles size={14} aria-hidden /> Composer
      </button>
    </div>
  );
}
