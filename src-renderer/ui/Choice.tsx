// One of several, as the platform's own list.
import { useId } from 'react';

interface Props<T extends string> {
  name: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function Choice<T extends string>({ name, value, options, onChange }: Props<T>) {
  const id = useId();
  return (
    <div className="setting setting-wide">
      <label className="setting-name" htmlFor={id}>
        {name}
      </label>
      <select id={id} className="field" value={value} onChange={(event) => onChange(event.target.value as T)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}
