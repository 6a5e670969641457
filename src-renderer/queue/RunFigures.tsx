// What the newest job takes of the device's memory, block by block as the engine planned it, and what its run did
// when: copies of weights against compute. Without such data nothing is shown.
import { useQuery } from '@tanstack/react-query';
import type { PaintJob, PaintPlan, RunTimeline } from '../../src-preload/contract/painting.ts';
import { studio } from '../app/studio.ts';

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MiB`;
const seconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} s`;

const places = [
  { place: 'resident', label: 'stay' },
  { place: 'streamed', label: 'are streamed' },
  { place: 'in-place', label: 'read where they lie' },
] as const;

const stageNames: Record<string, string> = {
  encode: 'Prompt',
  hint: 'Drawing',
  sample: 'Step',
  decode: 'Picture',
};

// Each block with where it begins when all lie side by side.
function inARow(blocks: PaintPlan['blocks']): (PaintPlan['blocks'][number] & { from: number })[] {
  let end = 0;
  return blocks.map((block) => ({ ...block, from: (end += block.bytes) - block.bytes }));
}

function Stage({ stage, blocks }: { stage: string; blocks: PaintPlan['blocks'] }) {
  const whole = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  const name = stageNames[stage] ?? stage;
  return (
    <>
      <span>{name}</span>
      <svg
        className="run-strip"
        viewBox={`0 0 ${Math.max(1, whole)} 1`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${blocks.length} blocks, ${mebibytes(whole)} of weights`}
      >
        {inARow(blocks).map(({ name: block, bytes, place, from }, i) => (
          <rect
            key={i}
            x={from}
            width={bytes}
            height={1}
            className={`run-${place} ${i % 2 ? 'run-odd' : ''}`}
          >
            <title>{`${block}: ${mebibytes(bytes)}`}</title>
          </rect>
        ))}
      </svg>
      <span>{mebibytes(whole)}</span>
    </>
  );
}

function Blocks({ plan: { blocks, peakDeviceBytes } }: { plan: PaintPlan }) {
  const stages = [...new Set(blocks.map(({ stage }) => stage))];
  const bytesIn = (wanted: string): number =>
    blocks.reduce((sum, { place, bytes }) => (place === wanted ? sum + bytes : sum), 0);
  return (
    <section className="run" aria-label="Weights, block by block">
      <h3>Memory, block by block</h3>
      <div className="run-rows">
        {stages.map((stage) => (
          <Stage key={stage} stage={stage} blocks={blocks.filter((block) => block.stage === stage)} />
        ))}
      </div>
      <p className="run-legend">
        {places.map(
          ({ place, label }) =>
            bytesIn(place) > 0 && (
              <span key={place}>
                <i className={`run-${place}`} aria-hidden /> {mebibytes(bytesIn(place))} {label}
              </span>
            ),
        )}
        <span>{mebibytes(peakDeviceBytes)} at most at once</span>
      </p>
    </section>
  );
}

function Row({ name, parts, taken }: { name: string; parts: readonly number[]; taken: number }) {
  return (
    <>
      <span>{name}</span>
      <svg
        className="run-strip"
        viewBox={`0 0 ${parts.length} 1`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${seconds(taken)}`}
      >
        {parts.map(
          (share, i) =>
            share > 0 && (
              <rect
                key={i}
                x={i}
                y={1 - share}
                width={1}
                height={share}
                className={name === 'Copies' ? 'run-streamed' : 'run-resident'}
              />
            ),
        )}
      </svg>
      <span>{seconds(taken)}</span>
    </>
  );
}

function Timeline({ run }: { run: RunTimeline }) {
  const { copies, compute, copySeconds, computeSeconds, hiddenSeconds, copiedBytes } = run;
  return (
    <section className="run" aria-label="The last run: copies against compute">
      <h3>The last run, {seconds(run.seconds)} on the device</h3>
      <div className="run-rows">
        <Row name="Copies" parts={copies} taken={copySeconds} />
        <Row name="Compute" parts={compute} taken={computeSeconds} />
      </div>
      <p className="run-legend">
        {copySeconds === 0
          ? 'Nothing was copied: the weights stay, or are read where they lie.'
          : `${mebibytes(copiedBytes)} copied, ${Math.round((100 * hiddenSeconds) / copySeconds)}% of the time behind compute.`}
      </p>
    </section>
  );
}

export function RunFigures({ jobs }: { jobs: readonly PaintJob[] }) {
  const shown =
    jobs.find(({ state }) => state === 'running') ?? jobs.findLast(({ state }) => state === 'done') ?? null;
  const last = jobs.findLast(({ state }) => state === 'done')?.id ?? null;
  // The plan does not depend on words or on the seed.
  const settings = shown === null ? null : { ...shown.settings, prompt: '', negative: '', seed: 0 };
  const plan = useQuery({
    queryKey: ['painting', 'plan', settings, shown?.controlKinds],
    queryFn: () =>
      settings === null
        ? null
        : studio.painting.plan({ settings, controlKinds: shown?.controlKinds ?? [] }).catch(() => null),
    enabled: settings !== null,
    placeholderData: (before) => before,
    gcTime: 60_000,
  });
  const run = useQuery({
    queryKey: ['painting', 'timeline', last],
    queryFn: () => (last === null ? null : studio.painting.timeline(last).catch(() => null)),
    enabled: last !== null,
    placeholderData: (before) => before,
    gcTime: 60_000,
  });
  const blocks = shown === null ? null : (plan.data ?? null);
  const timeline = last === null ? null : (run.data ?? null);
  if (blocks === null && timeline === null) return null;
  return (
    <footer className="run-figures">
      {blocks !== null && blocks.blocks.length > 0 && <Blocks plan={blocks} />}
      {timeline !== null && <Timeline run={timeline} />}
    </footer>
  );
}
