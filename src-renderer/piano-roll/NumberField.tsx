// A number in a bar: typed and taken by Enter or by leaving, or stepped by the arrow keys.
import { useState } from 'react';

interface Props {
  name: string;
  unit: string;
  value: number;
  min: number;
  max: number;
  onChange: (value: number) => void;
}

export function NumberField({ name, unit, value, min, max, onChange }: Props) {
  const [text, setText] = useState<string | null>(null); // while it is being typed
  const take = (wanted: number): void => onChange(Math.min(max, Math.max(min, wanted)));
  const commit = (): void => {
    const typed = Number(text);
    if (text !== null && text.trim() !== '' && Number.isFinite(typed)) take(typed);
    setText(null);
  };
  return (
    <label className="roll-number">
      <span>{name}</span>
      <input
        className="field"
        inputMode="decimal"
        value={text ?? String(value)}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit();
          else if (event.key === 'Escape') setText(null);
          else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
            event.preventDefault();
            setText(null);
            take(value + (event.key === 'ArrowUp' ? 1 : -1) * (event.shiftKey ? 10 : 1));
          }
        }}
      />
      <span>{unit}</span>
    </label>
  );
}
