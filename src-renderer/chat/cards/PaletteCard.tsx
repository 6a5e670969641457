import type { Palette } from '../../../src-preload/contract/answers/palette.ts';
import { tell } from '../../app/notices.ts';
import { pickColour } from '../../canvas/hand.ts';

// Each colour goes to the brush by a click.
export function PaletteCard({ palette: { name, colours } }: { palette: Palette }) {
  return (
    <div className="card" role="group" aria-label="Palette">
      <p className="card-words">{name}</p>
      <ul className="swatches">
        {colours.map((each, index) => (
          <li key={index}>
            <button
              type="button"
              className="swatch"
              aria-label={`Paint with ${each.name}, ${each.colour}`}
              onClick={() => {
                pickColour(each.colour);
                tell(`The brush paints ${each.name} now.`);
              }}
            >
              <i style={{ background: each.colour }} aria-hidden />
              <span>{each.name}</span>
              <span className="hint">
                {each.colour} · {each.role}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
