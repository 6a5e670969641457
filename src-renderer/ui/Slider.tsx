// A named number: slider and field, both by keyboard too. `onEnd` hears when a drag or an edit is over.
import { Slider as Radix } from 'radix-ui';
import { useId, useState } from 'react';

interface Props {
  name: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  unit?: string;
  onChange: (value: number) => void;
  onEnd?: () => void;
}

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

export function NumberSetting({ name, value, min, max, step = 1, unit, onChange, onEnd }: Props) {
  const id = useId();
  const [text, setText] = useState<string | null>(null); // while it is being typed
  const commit = (): void => {
    const number = Number(text);
    if (text !== null && text.trim() !== '' && Number.isFinite(number)) {
      const stepped = Math.round(number / step) * step;
      onChange(clamp(Number(stepped.toFixed(4)), min, max));
      onEnd?.();
    }
    setText(null);
  };
  return (
    <div className="setting">
      <label className="setting-name" htmlFor={id}>
        {name}
      </label>
      <Radix.Root
        className="slider"
        value={[value]}
        min={min}
        max={max}
        step={step}
        onValueChange={([next]) => next !== undefined && onChange(next)}
        onValueCommit={() => onEnd?.()}
      >
        <Radix.Track className="slider-track">
          <Radix.Range className="slider-range" />
        </Radix.Track>
        <Radix.Thumb className="slider-thumb" aria-label={name} />
      </Radix.Root>
      <input
        id={id}
        className="field setting-number"
        inputMode="decimal"
        title={unit === undefined ? undefined : `in ${unit}`}
        value={text ?? String(Math.round(value * 100) / 100)}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit();
          if (event.key === 'Escape') setText(null);
        }}
      />
    </div>
  );
}
