import type { ChordSheet } from '../../../src-preload/contract/answers/chords.ts';

export function ChordsCard({ sheet: { key, tempo, bars } }: { sheet: ChordSheet }) {
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
    </div>
  );
}
