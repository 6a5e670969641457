// General MIDI's instruments by family, for a select whose values are program numbers.
import { families, instruments } from '../core/music/gm.ts';

export const InstrumentOptions = () =>
  families.map((family, index) => (
    <optgroup key={family} label={family}>
      {instruments.slice(index * 8, index * 8 + 8).map((name, within) => (
        <option key={name} value={index * 8 + within}>
          {name}
        </option>
      ))}
    </optgroup>
  ));
