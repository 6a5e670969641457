// What the job will take of the device's memory, from the engine's own plan.
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { usePart } from '../app/document.ts';
import { devicesQuery, paintOptionsQuery } from '../app/queries.ts';
import { settingsQuery } from '../app/settings.ts';
import { studio } from '../app/studio.ts';
import { controlKindsOf, settingsOf } from './generate.ts';

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MiB`;

export function MemoryGauge() {
  const canvas = useDeferredValue(usePart('canvas'));
  const { data: options } = useQuery(paintOptionsQuery);
  const { data: devices } = useQuery(devicesQuery);
  // The plan does not depend on words or on the seed.
  const { data: kept } = useQuery(settingsQuery);
  const settings = { ...settingsOf(canvas, 0, kept?.settings), prompt: '', negative: '' };
  const controlKinds = options === undefined ? [] : controlKindsOf(canvas.layers, options);
  const plan = useQuery({
    queryKey: ['painting', 'plan', settings, controlKinds],
    queryFn: () => studio.painting.plan({ settings, controlKinds }),
    enabled: options !== undefined && options.models.length > 0,
    placeholderData: (before) => before,
    gcTime: 60_000,
  });
  const device = devices?.[0];
  if (plan.data === undefined)
    return plan.error === null ? null : <p className="hint">{plan.error.message}</p>;
  const { peakDeviceBytes, pinnedBytes, streamedBytes, smallestBudgetBytes } = plan.data;
  const whole = Math.max(peakDeviceBytes, device?.budgetBytes ?? peakDeviceBytes);
  const share = (bytes: number): string => `${Math.max(0.5, (100 * bytes) / whole)}%`;
  const working = Math.max(0, peakDeviceBytes - pinnedBytes);
  return (
    <section className="gauge" aria-label="Memory of the device">
      <h3>Memory</h3>
      <div className="gauge-bar" aria-hidden>
        <i className="gauge-pinned" style={{ width: share(pinnedBytes) }} />
        <i className="gauge-working" style={{ width: share(working) }} />
      </div>
      <dl>
        <dt>
          <i className="gauge-pinned" aria-hidden /> Weights that stay
        </dt>
        <dd>{mebibytes(pinnedBytes)}</dd>
        <dt>
          <i className="gauge-working" aria-hidden /> Working
        </dt>
        <dd>{mebibytes(working)}</dd>
        {streamedBytes > 0 && (
          <>
            <dt>Streamed in each step</dt>
            <dd>{mebibytes(streamedBytes)}</dd>
          </>
        )}
        <dt>Least that works</dt>
        <dd>{mebibytes(smallestBudgetBytes)}</dd>
        {device?.budgetBytes != null && (
          <>
            <dt>{device.name.split(' (')[0]} has</dt>
            <dd>{mebibytes(device.budgetBytes)}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
