// What the composer is asked for, beside the notes.
import { useQuery } from '@tanstack/react-query';
import { Plus, Sparkles, X } from 'lucide-react';
import { GivesWay } from '../../app/GivesWay.tsx';
import { showKey } from '../../app/commands/keys.ts';
import { runCommand } from '../../app/commands/table.ts';
import { studio } from '../../app/studio.ts';
import { instrumentName } from '../../core/music/gm.ts';
import { Choice } from '../../ui/Choice.tsx';
import { IconButton } from '../../ui/IconButton.tsx';
import { NumberSetting } from '../../ui/Slider.tsx';
import { InstrumentOptions } from '../InstrumentOptions.tsx';
import {
  composeKeys,
  composeMeters,
  kits,
  seedChoices,
  setCompose,
  useComposeSettings,
  usualSettings,
} from './settings.ts';
import { useRun } from './run.ts';

const ANY = '';
const MOST = 15;

function Instruments() {
  const { instruments: chosen } = useComposeSettings();
  return (
    <div className="setting setting-wide">
      <span className="setting-name">Instruments</span>
      {chosen.length > 0 && (
        <ul className="compose-chips" aria-label="Instruments to compose for">
          {chosen.map((program, index) => (
            <li key={index}>
              {instrumentName(program)}
              <IconButton
                label={`Without ${instrumentName(program)}`}
                icon={X}
                size={11}
                onClick={() => setCompose({ instruments: chosen.filter((_, at) => at !== index) })}
              />
            </li>
          ))}
        </ul>
      )}
      <select
        className="field"
        aria-label="Add an instrument"
        value=""
        disabled={chosen.length >= MOST}
        onChange={({ target: { value } }) => setCompose({ instruments: [...chosen, Number(value)] })}
      >
        <option value="">{chosen.length === 0 ? 'As it is; add…' : 'Add…'}</option>
        <InstrumentOptions />
      </select>
    </div>
  );
}

function Check({ name, value, onChange }: { name: string; value: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="compose-check">
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} />
      {name}
    </label>
  );
}

function Wanted() {
  const settings = useComposeSettings();
  const { drums, bpm, meter, key } = settings;
  return (
    <>
      <Choice
        name="Go on from"
        value={settings.from}
        options={seedChoices}
        onChange={(from) => setCompose({ from })}
      />
      <NumberSetting
        name="Bars"
        unit="bars; 0: as many as the events make"
        value={settings.bars}
        min={0}
        max={64}
        onChange={(bars) => setCompose({ bars })}
      />
      <NumberSetting
        name="Variations"
        value={settings.count}
        min={1}
        max={8}
        onChange={(count) => setCompose({ count })}
      />
      <Instruments />
      <Choice
        name="Drum kit"
        value={drums === null ? ANY : String(drums)}
        options={[
          { value: ANY, label: 'As it is' },
          ...kits.map(({ program, name }) => ({ value: String(program), label: name })),
        ]}
        onChange={(value) => setCompose({ drums: value === ANY ? null : Number(value) })}
      />
      <Check
        name="Other instruments may join"
        value={settings.free}
        onChange={(free) => setCompose({ free })}
      />
      <NumberSetting
        name="Tempo"
        unit="quarters a minute; 0: as it is"
        value={bpm}
        min={0}
        max={300}
        onChange={(next) => setCompose({ bpm: next })}
      />
      <Choice
        name="Metre"
        value={meter ?? ANY}
        options={[
          { value: ANY, label: 'As it is' },
          ...composeMeters.map((name) => ({ value: name, label: name })),
        ]}
        onChange={(value) => setCompose({ meter: value === ANY ? null : value })}
      />
      <Choice
        name="Key"
        value={key === null ? ANY : `${key.sharps} ${key.minor}`}
        options={[
          { value: ANY, label: 'As it is' },
          ...composeKeys.map(({ name, sharps, minor }) => ({ value: `${sharps} ${minor}`, label: name })),
        ]}
        onChange={(value) => {
          const found = composeKeys.find(({ sharps, minor }) => `${sharps} ${minor}` === value);
          setCompose({ key: found === undefined ? null : { sharps: found.sharps, minor: found.minor } });
        }}
      />
    </>
  );
}

function Sampling({ models }: { models: readonly { name: string; embedded: boolean }[] }) {
  const settings = useComposeSettings();
  return (
    <details className="compose-more">
      <summary>Sampling</summary>
      {models.length > 1 && (
        <Choice
          name="Model"
          value={settings.model ?? ANY}
          options={[
            { value: ANY, label: `${models[0]?.name ?? ''} (usual)` },
            ...models.map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={(value) => setCompose({ model: value === ANY ? null : value })}
        />
      )}
      <NumberSetting
        name="Temperature"
        value={settings.temperature}
        min={0.1}
        max={1.5}
        step={0.05}
        onChange={(temperature) => setCompose({ temperature })}
      />
      <NumberSetting
        name="Top-p"
        value={settings.topP}
        min={0.1}
        max={1}
        step={0.01}
        onChange={(topP) => setCompose({ topP })}
      />
      <NumberSetting
        name="Top-k"
        value={settings.topK}
        min={1}
        max={128}
        onChange={(topK) => setCompose({ topK })}
      />
      <NumberSetting
        name="Events at most"
        value={settings.events}
        min={16}
        max={4096}
        onChange={(events) => setCompose({ events })}
      />
      <Check
        name="Pedal and controllers"
        value={settings.controllers}
        onChange={(controllers) => setCompose({ controllers })}
      />
      <label className="compose-check">
        <input
          type="checkbox"
          checked={settings.seed !== null}
          onChange={({ target }) =>
            setCompose({ seed: target.checked ? Math.floor(Math.random() * 100_000) : null })
          }
        />
        {settings.seed === null ? 'The same random numbers each time' : `Random numbers of ${settings.seed}`}
      </label>
      <button type="button" className="button" onClick={() => setCompose(usualSettings)}>
        As usual
      </button>
    </details>
  );
}

function MusicGivesWay() {
  const { model } = useComposeSettings();
  return <GivesWay of={['music', model]} ask={() => studio.memory.music(model)} />;
}

export function ComposePanel() {
  const { data } = useQuery({
    queryKey: ['compose', 'options'],
    queryFn: () => studio.compose.options(),
    staleTime: 0, // a model may have been put there meanwhile
  });
  const running = useRun(({ run }) => run?.state === 'running');
  if (data?.models.length === 0) {
    return (
      <aside className="compose" aria-label="Composer">
        <p>To go on with your music, the studio needs a model, and none is installed.</p>
        <p>
          Put a folder of SkyTNT’s midi-model, with its <code>config.json</code> and{' '}
          <code>model.safetensors</code>, into
        </p>
        <p>
          <code className="compose-path">{data.folder}</code>
        </p>
        <p className="hint">
          For instance midi-model-tv2o-medium (468 MB, Apache-2.0). It is found as soon as it lies there.
        </p>
      </aside>
    );
  }
  return (
    <aside className="compose" aria-label="Composer">
      <button
        type="button"
        className="button button-primary compose-go"
        title={showKey('Mod+Enter')}
        disabled={data === undefined}
        onClick={() => runCommand('roll.continue')}
      >
        {running ? <Plus size={15} aria-hidden /> : <Sparkles size={15} aria-hidden />}
        {running ? 'Compose anew' : 'Continue'}
      </button>
      <MusicGivesWay />
      <Wanted />
      <Sampling models={data?.models ?? []} />
    </aside>
  );
}
