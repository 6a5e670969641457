// The tracks: which one is written in, what plays it, how loud, mute and solo.
import { Plus, Trash2 } from 'lucide-react';
import { runCommand } from '../app/commands/table.ts';
import { performOn, sealStep, usePart } from '../app/document.ts';
import { removeTrack, setTrack } from '../core/music/actions.ts';
import { DRUM_CHANNEL, freeChannel, isDrums, type Track } from '../core/music/model.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { InstrumentOptions } from './InstrumentOptions.tsx';
import { chooseTrack, trackOf, useRollView } from './view.ts';

const DRUMS = 'drums';

function InstrumentChoice({ track, tracks }: { track: Track; tracks: readonly Track[] }) {
  return (
    <select
      className="roll-instrument"
      aria-label={`Instrument of ${track.name}`}
      value={isDrums(track) ? DRUMS : track.program}
      onChange={({ target: { value } }) => {
        if (value === DRUMS) performOn('music', setTrack(track.id, { channel: DRUM_CHANNEL }));
        else {
          const channel = isDrums(track) ? freeChannel(tracks) : track.channel;
          performOn('music', setTrack(track.id, { program: Number(value), channel }));
        }
      }}
    >
      <option value={DRUMS}>Drums</option>
      <InstrumentOptions />
    </select>
  );
}

function Row({ track, current, tracks }: { track: Track; current: boolean; tracks: readonly Track[] }) {
  const { id, name, muted, solo, volume } = track;
  const slide = (label: string, value: number, change: (value: number) => void) => (
    <input
      type="range"
      min={0}
      max={127}
      value={value}
      aria-label={`${label} of ${name}`}
      title={label}
      onChange={(event) => change(Number(event.target.value))}
      onPointerUp={sealStep}
      onBlur={sealStep}
    />
  );
  return (
    <li className={`roll-track ${current ? 'roll-track-current' : ''}`} onPointerDown={() => chooseTrack(id)}>
      <div className="roll-track-head">
        <button
          type="button"
          className="roll-track-name"
          aria-pressed={current}
          onClick={() => chooseTrack(id)}
        >
          {name}
        </button>
        <button
          type="button"
          className="roll-toggle"
          aria-pressed={muted}
          aria-label={`Mute ${name}`}
          title="Mute (M)"
          onClick={() => performOn('music', setTrack(id, { muted: !muted }))}
        >
          M
        </button>
        <button
          type="button"
          className="roll-toggle roll-solo"
          aria-pressed={solo}
          aria-label={`Solo ${name}`}
          title="Solo (N)"
          onClick={() => performOn('music', setTrack(id, { solo: !solo }))}
        >
          S
        </button>
        {current && tracks.length > 1 && (
          <IconButton
            label={`Delete ${name}`}
            icon={Trash2}
            size={13}
            onClick={() => performOn('music', removeTrack(id))}
          />
        )}
      </div>
      <InstrumentChoice track={track} tracks={tracks} />
      {current && (
        <>
          <input
            className="field roll-rename"
            aria-label="Name of the track"
            value={name}
            maxLength={200}
            onChange={(event) => performOn('music', setTrack(id, { name: event.target.value }))}
            onBlur={sealStep}
          />
          <div className="roll-slides">
            {slide('Volume', volume, (value) => performOn('music', setTrack(id, { volume: value })))}
            {slide('Panorama', track.pan, (value) => performOn('music', setTrack(id, { pan: value })))}
          </div>
        </>
      )}
    </li>
  );
}

export function TrackList() {
  const music = usePart('music');
  const chosen = useRollView((state) => state.track);
  const current = trackOf(music, chosen);
  return (
    <div className="roll-tracks">
      <ul aria-label="Tracks">
        {music.tracks.map((track) => (
          <Row key={track.id} track={track} current={track === current} tracks={music.tracks} />
        ))}
      </ul>
      <button type="button" className="button" onClick={() => runCommand('roll.track-add')}>
        <Plus size={14} aria-hidden /> Add a track
      </button>
    </div>
  );
}
