// System prompt and sampling of the open conversation, and presets of them.
import { Save, Trash2, X } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberSetting } from '../ui/Slider.tsx';
import { builtIn, presetOf, removePreset, savePreset, usePresets } from './presets.ts';
import { changeSettings, useSettings } from './settings.ts';
import { useChatView } from './view.ts';

const CHANGED = '';

function Presets() {
  const settings = useSettings();
  const { own } = usePresets();
  const [name, setName] = useState<string | null>(null);
  const current = presetOf(settings, own);
  const isOwn = own.some((each) => each === current);
  const save = (): void => {
    if (name !== null && name.trim() !== '') savePreset(name.trim().slice(0, 60), settings);
    setName(null);
  };
  if (name !== null) {
    return (
      <form
        className="preset-row"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <input
          className="field"
          aria-label="Name of the preset"
          placeholder="Name of the preset"
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="button" disabled={name.trim() === ''}>
          Save
        </button>
        <IconButton label="Do not save" icon={X} size={14} onClick={() => setName(null)} />
      </form>
    );
  }
  return (
    <div className="preset-row">
      <select
        className="field"
        aria-label="Preset"
        value={current?.name ?? CHANGED}
        onChange={(event) => {
          const chosen = [...own, ...builtIn].find((each) => each.name === event.target.value);
          if (chosen !== undefined) changeSettings(chosen.settings);
        }}
      >
        {current === undefined && <option value={CHANGED}>Changed</option>}
        {[...builtIn, ...own].map((each) => (
          <option key={each.name} value={each.name}>
            {each.name}
          </option>
        ))}
      </select>
      <IconButton label="Save as a preset" icon={Save} size={14} onClick={() => setName('')} />
      {isOwn && current !== undefined && (
        <IconButton
          label={`Delete the preset ${current.name}`}
          icon={Trash2}
          size={14}
          onClick={() => removePreset(current.name)}
        />
      )}
    </div>
  );
}

export function SettingsPanel() {
  const settings = useSettings();
  return (
    <section
      className="chat-settings"
      aria-label="System prompt and sampling"
      onKeyDown={(event) => {
        if (event.key === 'Escape') useChatView.setState({ settings: false });
      }}
    >
      <Presets />
      <textarea
        className="field"
        aria-label="System prompt"
        placeholder="System prompt: how it should answer"
        rows={3}
        value={settings.system}
        onChange={(event) => changeSettings({ system: event.target.value.slice(0, 20_000) })}
      />
      <NumberSetting
        name="Temperature"
        value={settings.temperature}
        min={0}
        max={2}
        step={0.05}
        onChange={(temperature) => changeSettings({ temperature })}
      />
      <NumberSetting
        name="Top p"
        value={settings.topP}
        min={0.05}
        max={1}
        step={0.05}
        onChange={(topP) => changeSettings({ topP })}
      />
      <NumberSetting
        name="Length"
        unit="tokens at most"
        value={settings.maxTokens}
        min={16}
        max={4096}
        step={16}
        onChange={(maxTokens) => changeSettings({ maxTokens })}
      />
      <Seed value={settings.seed} />
    </section>
  );
}

function Seed({ value }: { value: number | null }) {
  return (
    <label className="setting">
      <span className="setting-name">Seed</span>
      <input
        className="field seed-field"
        inputMode="numeric"
        placeholder="another one each time"
        value={value ?? ''}
        onChange={(event) => {
          const text = event.target.value.trim();
          const seed = Number(text);
          if (text === '') changeSettings({ seed: null });
          else if (Number.isInteger(seed) && seed >= 0 && seed < 0xffffffff) changeSettings({ seed });
        }}
      />
    </label>
  );
}
