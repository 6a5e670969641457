// What to paint, and the button that paints it.
import { ImageOff, Pause, Play, Sparkles, Square } from 'lucide-react';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { flushSync } from 'react-dom';
import { GivesWay } from '../app/GivesWay.tsx';
import { performOn, sealStep, usePart } from '../app/document.ts';
import { isActive, paintOptionsQuery, useJobs } from '../app/queries.ts';
import { settingsQuery } from '../app/settings.ts';
import { studio } from '../app/studio.ts';
import { runCommand } from '../app/commands/table.ts';
import { showKey } from '../app/commands/keys.ts';
import { setForm } from '../core/canvas/actions.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { weightSelection } from '../core/canvas/prompt.ts';
import { controlKindsOf, settingsOf } from './generate.ts';
import { toggleLive, useLive } from './live.ts';
import { usePromptHistory } from './prompt-history.ts';

function historyKey(event: React.KeyboardEvent): boolean {
  if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return false;
  const prompt = usePromptHistory.getState().step(event.key === 'ArrowUp' ? 1 : -1);
  if (prompt !== undefined) performOn('canvas', setForm({ prompt }));
  return true;
}

function weightKey(event: React.KeyboardEvent<HTMLTextAreaElement>, of: 'prompt' | 'negative'): boolean {
  const up = event.key === 'ArrowUp';
  if (!(event.ctrlKey || event.metaKey) || (!up && event.key !== 'ArrowDown')) return false;
  const { value, selectionStart, selectionEnd } = event.currentTarget;
  const changed = weightSelection(value, selectionStart, selectionEnd, up ? 0.1 : -0.1);
  if (changed === null) return true;
  // At once: a key that repeats comes again before the next frame, and has to find the same word.
  flushSync(() => performOn('canvas', setForm({ [of]: changed.text })));
  event.currentTarget.setSelectionRange(changed.start, changed.end);
  return true;
}

// Words and seed do not change what a picture takes of the device.
function PictureGivesWay() {
  const canvas = useDeferredValue(usePart('canvas'));
  const { data: options } = useQuery(paintOptionsQuery);
  const { data: kept } = useQuery(settingsQuery);
  const settings = { ...settingsOf(canvas, 0, kept?.settings), prompt: '', negative: '' };
  const controlKinds = options === undefined ? [] : controlKindsOf(canvas.layers, options);
  return (
    <GivesWay
      of={['picture', settings, controlKinds]}
      ask={() => studio.memory.picture({ settings, controlKinds })}
      enabled={options !== undefined && kept !== undefined}
    />
  );
}

export function Composer() {
  const { form } = usePart('canvas');
  const [withNegative, setWithNegative] = useState(form.negative !== '');
  const live = useLive(({ on }) => on);
  const active = useJobs().filter((job) => isActive(job) && !job.live);
  const running = active.find(({ state }) => state !== 'queued');
  const { step = 0, steps = 0 } = running?.progress ?? {};
  return (
    <form
      className="composer floating"
      aria-label="What to paint"
      onSubmit={(event) => {
        event.preventDefault();
        runCommand('canvas.generate');
      }}
    >
      <div className="composer-fields">
        <textarea
          data-field="prompt"
          aria-label="Prompt"
          placeholder="Describe the picture…"
          rows={2}
          value={form.prompt}
          onChange={(event) => performOn('canvas', setForm({ prompt: event.target.value }))}
          onBlur={sealStep}
          onKeyDown={(event) => {
            if (historyKey(event) || weightKey(event, 'prompt')) event.preventDefault();
          }}
        />
        {withNegative && (
          <textarea
            aria-label="Negative prompt"
            placeholder="What it should not show…"
            rows={1}
            className="negative"
            value={form.negative}
            onChange={(event) => performOn('canvas', setForm({ negative: event.target.value }))}
            onBlur={sealStep}
            onKeyDown={(event) => {
              if (weightKey(event, 'negative')) event.preventDefault();
            }}
          />
        )}
        <PictureGivesWay />
      </div>
      <div className="composer-actions">
        <IconButton
          label={withNegative ? 'Hide the negative prompt' : 'Negative prompt'}
          icon={ImageOff}
          pressed={withNegative}
          side="top"
          onClick={() => {
            if (withNegative) performOn('canvas', setForm({ negative: '' }));
            setWithNegative(!withNegative);
          }}
        />
        <IconButton
          label={live ? 'Stop painting live' : 'Paint live, while I draw'}
          icon={live ? Pause : Play}
          pressed={live}
          side="top"
          onClick={toggleLive}
        />
        {active.length > 0 && (
          <button type="button" className="button" onClick={() => runCommand('canvas.cancel')}>
            <Square size={13} aria-hidden /> Cancel
          </button>
        )}
        <button type="submit" className="button button-primary generate" title={showKey('Mod+Enter')}>
          <Sparkles size={15} aria-hidden />
          {active.length > 0 ? 'Queue' : 'Generate'}
        </button>
      </div>
      {running !== undefined && (
        <div
          className="progress composer-progress"
          role="progressbar"
          aria-label="Painting"
          aria-valuenow={step}
          aria-valuemin={0}
          aria-valuemax={Math.max(1, steps)}
        >
          <div style={{ width: `${steps === 0 ? 2 : (100 * step) / steps}%` }} />
        </div>
      )}
    </form>
  );
}
