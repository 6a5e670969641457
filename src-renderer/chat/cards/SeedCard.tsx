import type { MidiSeed } from '../../../src-preload/contract/answers/midi-seed.ts';
import type { Conversation, Message } from '../../core/chat/model.ts';
import { Decide } from './Decide.tsx';

interface Props {
  talk: Conversation;
  message: Message;
  seed: MidiSeed;
}

const COLOURS = ['#0b8a83', '#c2571a', '#6a4fc4', '#b03a6f'];

// The notes as a roll would show them.
export function SeedCard({ talk, message, seed: { tempo, key, beats, tracks } }: Props) {
  const notes = tracks.flatMap((track, index) => track.notes.map((note) => ({ ...note, index })));
  const end = Math.max(16, ...notes.map(({ at, length }) => at + length));
  const low = Math.min(...notes.map(({ pitch }) => pitch)) - 1;
  const high = Math.max(...notes.map(({ pitch }) => pitch)) + 1;
  const height = Math.max(12, high - low + 1);
  return (
    <div className="card" role="group" aria-label="Beginning of a piece">
      <p className="hint">
        {key}, {tempo} quarters a minute, {beats} to a bar, {tracks.length} tracks, {notes.length} notes
      </p>
      <svg
        className="seed-roll"
        viewBox={`0 0 ${end} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${notes.length} notes`}
      >
        {notes.map(({ at, length, pitch, index }, i) => (
          <rect
            key={i}
            x={at}
            y={high - pitch}
            width={Math.max(0.4, length - 0.15)}
            height={0.9}
            fill={COLOURS[index % COLOURS.length]}
          />
        ))}
      </svg>
      <Decide talk={talk} message={message} />
    </div>
  );
}
