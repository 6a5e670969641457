// How the picture is painted: model, steps, seed, size, and what it will take.
import { Dices, Lock, X } from 'lucide-react';
import { useQuery } from '@tanstack/react-query';
import { performOn, sealStep, usePart } from '../app/document.ts';
import { paintOptionsQuery } from '../app/queries.ts';
import { setBox, setForm } from '../core/canvas/actions.ts';
import type { PaintForm } from '../core/canvas/model.ts';
import { Choice } from '../ui/Choice.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberSetting } from '../ui/Slider.tsx';
import { loraTags, withTag } from '../../src-preload/contract/lora-tags.ts';
import { MemoryGauge } from './MemoryGauge.tsx';

const set = (changes: Partial<PaintForm>): void => performOn('canvas', setForm(changes));

function Seed({ seed }: { seed: number | null }) {
  return (
    <div className="setting">
      <label className="setting-name" htmlFor="seed">
        Seed
      </label>
      <input
        id="seed"
        className="field"
        inputMode="numeric"
        placeholder="random"
        value={seed ?? ''}
        onChange={(event) => {
          const digits = event.target.value.replace(/\D/g, '').slice(0, 15);
          set({ seed: digits === '' ? null : Number(digits) });
        }}
        onBlur={sealStep}
      />
      <IconButton
        label={seed === null ? 'Fix a seed' : 'Another seed each time'}
        icon={seed === null ? Lock : Dices}
        size={15}
        onClick={() => {
          set({ seed: seed === null ? (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) : null });
          sealStep();
        }}
      />
    </div>
  );
}

// The prompt names them; these change its tags.
function Loras({ prompt, names }: { prompt: string; names: readonly string[] }) {
  const used = [...new Map(loraTags(prompt).map((tag) => [tag.name, tag])).values()];
  const others = names.filter((name) => !used.some((tag) => tag.name === name));
  if (used.length === 0 && names.length === 0) return null;
  const put = (name: string, strength: number | null) => set({ prompt: withTag(prompt, name, strength) });
  return (
    <>
      <h3>LoRA</h3>
      {used.map(({ name, strength }) => (
        <div className="lora" key={name}>
          <NumberSetting
            name={name}
            value={strength}
            min={-1}
            max={2}
            step={0.05}
            onChange={(value) => put(name, value)}
            onEnd={sealStep}
          />
          <IconButton
            label={`Without ${name}`}
            icon={X}
            size={15}
            onClick={() => {
              put(name, null);
              sealStep();
            }}
          />
        </div>
      ))}
      {others.length > 0 && (
        <Choice
          name="Add"
          value=""
          options={[
            { value: '', label: 'Choose a LoRA…' },
            ...others.map((name) => ({ value: name, label: name })),
          ]}
          onChange={(name) => {
            if (name === '') return;
            put(name, 1);
            sealStep();
          }}
        />
      )}
    </>
  );
}

export function PaintSettingsPanel() {
  const { form, box } = usePart('canvas');
  const { data: options } = useQuery(paintOptionsQuery);
  if (options === undefined) return null;
  const sampler = options.samplers.find(({ name }) => name === form.sampler);
  const model = options.models.find(({ name }) => name === form.model) ?? options.models[0];
  const fields = { min: 64, max: 1024, step: 8, unit: 'pixels', onEnd: sealStep };
  return (
    <div className="paint-settings">
      {options.models.length === 0 ? (
        <p className="hint">
          There is no picture model yet. Put a Stable Diffusion 1.5 model into ~/.local/share/sluice/models
          and start again.
        </p>
      ) : (
        <Choice
          name="Model"
          value={model?.name ?? ''}
          options={options.models.map(({ name }) => ({ value: name, label: name }))}
          onChange={(name) => set({ model: name })}
        />
      )}
      <NumberSetting
        name="Steps"
        value={form.steps}
        min={1}
        max={60}
        onChange={(steps) => set({ steps })}
        onEnd={sealStep}
      />
      <NumberSetting
        name="Guidance"
        value={form.cfg}
        min={1}
        max={20}
        step={0.5}
        onChange={(cfg) => set({ cfg })}
        onEnd={sealStep}
      />
      <Choice
        name="Sampler"
        value={form.sampler}
        options={options.samplers.map(({ name, label }) => ({ value: name, label }))}
        onChange={(name) => set({ sampler: name, schedule: 'normal' })}
      />
      {(sampler?.schedules.length ?? 0) > 1 && (
        <Choice
          name="Schedule"
          value={form.schedule}
          options={options.schedules
            .filter(({ name }) => sampler?.schedules.includes(name))
            .map(({ name, label }) => ({ value: name, label }))}
          onChange={(schedule) => set({ schedule })}
        />
      )}
      <Seed seed={form.seed} />
      <NumberSetting
        name="Pictures"
        value={form.count}
        min={1}
        max={8}
        onChange={(count) => set({ count })}
        onEnd={sealStep}
      />
      <Loras prompt={form.prompt} names={options.loras} />
      <h3>Painted area</h3>
      <NumberSetting
        name="Width"
        value={box.width}
        {...fields}
        onChange={(width) => performOn('canvas', setBox({ ...box, width }))}
      />
      <NumberSetting
        name="Height"
        value={box.height}
        {...fields}
        onChange={(height) => performOn('canvas', setBox({ ...box, height }))}
      />
      <h3>Start</h3>
      <label className="check">
        <input
          type="checkbox"
          checked={form.fromCanvas}
          onChange={(event) => set({ fromCanvas: event.target.checked })}
        />
        From what is painted on the canvas
      </label>
      <NumberSetting
        name="Repaint"
        value={form.strength}
        min={0.05}
        max={1}
        step={0.05}
        onChange={(strength) => set({ strength })}
        onEnd={sealStep}
      />
      <MemoryGauge />
    </div>
  );
}
