// What is painted, what waits and what has been, newest first.
import { CircleAlert, ImagePlus, LoaderCircle, RotateCcw, Square, X } from 'lucide-react';
import { memo, useEffect, useRef } from 'react';
import type { PaintJob } from '../../src-preload/contract/painting.ts';
import { sentence, tellFailure } from '../app/notices.ts';
import { isActive, useJobs } from '../app/queries.ts';
import { studio } from '../app/studio.ts';
import { placeJob, recallSettings } from '../canvas/recall.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { runCommand } from '../app/commands/table.ts';
import { RunFigures } from './RunFigures.tsx';

const stageNames: Record<string, string> = {
  load: 'Loading',
  encode: 'Reading the prompt',
  sample: 'Painting',
  decode: 'Finishing',
};

function Preview({ preview }: { preview: NonNullable<PaintJob['preview']> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context == null) return;
    const { width, height, pixels } = preview;
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      image.data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [preview]);
  return <canvas ref={canvas} className="job-picture" width={preview.width} height={preview.height} />;
}

function timeLeft({ progress }: PaintJob): string {
  if (progress === null) return 'Starting';
  const { stage, step, steps, seconds } = progress;
  const name = stageNames[stage] ?? stage;
  if (stage !== 'sample' || steps === 0) return `${name}…`;
  const left = step === 0 ? null : Math.ceil((seconds / step) * (steps - step));
  return `${name} ${step}/${steps}${left === null ? '' : `, about ${left} s left`}`;
}

function status(job: PaintJob): string {
  switch (job.state) {
    case 'queued':
      return 'Waiting';
    case 'running':
      return timeLeft(job);
    case 'stopping':
      return 'Stopping…';
    case 'cancelled':
      return 'Cancelled';
    case 'failed':
      return sentence(job.failure?.message ?? 'Failed');
    case 'done':
      return job.seconds === null ? 'Done' : `${job.seconds.toFixed(1)} s, seed ${job.settings.seed}`;
  }
}

// A job that has not changed is not drawn again while another one goes on.
const JobRow = memo(function JobRow({ job }: { job: PaintJob }) {
  const active = isActive(job);
  const [picture] = job.pictures;
  const { step = 0, steps = 1 } = job.progress ?? {};
  return (
    <li className={`job job-${job.state}`}>
      {picture !== undefined ? (
        <img
          className="job-picture"
          src={picture.url}
          alt={`Painted: ${job.settings.prompt}`}
          draggable={false}
          loading="lazy"
        />
      ) : job.preview !== null ? (
        <Preview preview={job.preview} />
      ) : (
        <div className="job-picture job-empty" aria-hidden>
          {job.state === 'failed' ? (
            <CircleAlert size={18} />
          ) : active ? (
            <LoaderCircle size={18} className={job.state === 'queued' ? '' : 'spin'} />
          ) : null}
        </div>
      )}
      <div className="job-text">
        <p className="job-prompt">{job.settings.prompt}</p>
        <p className="job-status">{status(job)}</p>
        {job.notices.map((notice) => (
          <p key={notice} className="job-status job-notice">
            {sentence(notice)}
          </p>
        ))}
        {job.failure !== null && job.failure.hint !== '' && <p className="job-status">{job.failure.hint}</p>}
        {job.state === 'running' && (
          <div className="progress" aria-hidden>
            <div style={{ width: `${(100 * step) / Math.max(1, steps)}%` }} />
          </div>
        )}
      </div>
      {active ? (
        <IconButton
          label="Cancel"
          icon={Square}
          size={13}
          disabled={job.state === 'stopping'}
          onClick={() => void studio.painting.cancel(job.id).catch(tellFailure)}
        />
      ) : (
        <div className="job-actions">
          {job.pictures.length > 0 && (
            <IconButton
              label="Place on the canvas"
              icon={ImagePlus}
              size={14}
              onClick={() => placeJob(job)}
            />
          )}
          <IconButton
            label="Use its settings again"
            icon={RotateCcw}
            size={14}
            onClick={() => recallSettings(job)}
          />
          <IconButton
            label="Remove from the list"
            icon={X}
            size={14}
            onClick={() => void studio.painting.forget(job.id).catch(tellFailure)}
          />
        </div>
      )}
    </li>
  );
});

export function QueuePane() {
  const jobs = useJobs();
  if (jobs.length === 0) {
    return (
      <div className="queue-empty">
        <p>Pictures appear here while they are painted.</p>
        <button type="button" className="button" onClick={() => runCommand('help.example')}>
          Paint the example
        </button>
      </div>
    );
  }
  return (
    <div className="queue">
      <ul aria-label="Jobs, newest first">
        {[...jobs].reverse().map((job) => (
          <JobRow key={job.id} job={job} />
        ))}
      </ul>
      <RunFigures jobs={jobs} />
    </div>
  );
}
