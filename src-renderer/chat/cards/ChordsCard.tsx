import type { ChordSheet } from '../../../src-preload/contract/answers/chords.ts';
import type { Conversation, Message } from '../../core/chat/model.ts';
import { Decide } from './Decide.tsx';

interface Props {
  talk: Conversation;
  message: Message;
  sheet: ChordSheet;
}

export function ChordsCard({ talk, message, sheet: { key, tempo, bars } }: Props) {
  return (
    <div className="card" role="group" aria-label="Chord sheet">
      <p className="hint">
        {key}, {tempo} quarters a minute
      </p>
      <ol className="bars">
        {bars.map((bar, index) => (
          <li key={index} className="bar">
            {bar.map((chord, at) => (
              <span key={at} style={{ flexGrow: chord.beats }}>
                {chord.name}
              </span>
            ))}
          </li>
        ))}
      </ol>
      <Decide talk={talk} message={message} />
    </div>
  );
}
