// Models from the network: nothing is contacted until the button is pressed, and then only the named host.
import { useQuery } from '@tanstack/react-query';
import { Download as DownloadIcon, Pause, Play, X } from 'lucide-react';
import { useId, useState } from 'react';
import type { Download } from '../../src-preload/contract/models.ts';
import { sentence, tellFailure } from '../app/notices.ts';
import { studio } from '../app/studio.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { bytesText } from './size.ts';
import { downloadsQuery } from './queries.ts';

function status({ state, received, total, failure, sha256 }: Download): string {
  const amount = total === null ? bytesText(received) : `${bytesText(received)} of ${bytesText(total)}`;
  switch (state) {
    case 'running':
      return amount;
    case 'checking':
      return 'Checking its SHA-256…';
    case 'paused':
      return `Paused at ${amount}`;
    case 'failed':
      return sentence(failure?.message ?? 'It failed.');
    case 'done':
      return `${amount}, SHA-256 ${sha256 ?? 'unknown'}`;
  }
}

function Row({ download }: { download: Download }) {
  const { id, name, state, received, total, failure } = download;
  const busy = state === 'running' || state === 'checking';
  return (
    <li className="download">
      <div className="model-text">
        <p className="model-name">{name}</p>
        <p className={`hint ${state === 'failed' ? 'danger' : ''}`}>{status(download)}</p>
        {failure !== null && failure.hint !== '' && <p className="hint">{failure.hint}</p>}
        {busy && (
          <div
            className="progress"
            role="progressbar"
            aria-label={`Download of ${name}`}
            aria-valuemin={0}
            aria-valuemax={100}
            {...(total === null || total === 0
              ? {}
              : { 'aria-valuenow': Math.round((100 * received) / total) })}
          >
            <div style={{ width: `${total === null || total === 0 ? 5 : (100 * received) / total}%` }} />
          </div>
        )}
      </div>
      {busy && (
        <IconButton
          label={`Pause ${name}`}
          icon={Pause}
          size={14}
          onClick={() => void studio.models.pause(id).catch(tellFailure)}
        />
      )}
      {(state === 'paused' || state === 'failed') && (
        <IconButton
          label={`Go on with ${name}`}
          icon={Play}
          size={14}
          onClick={() => void studio.models.resume(id).catch(tellFailure)}
        />
      )}
      <IconButton
        label={state === 'done' ? `Take ${name} off the list` : `Give ${name} up`}
        icon={X}
        size={14}
        onClick={() => void studio.models.forget(id).catch(tellFailure)}
      />
    </li>
  );
}

function Form() {
  const [url, setUrl] = useState('');
  const [sha256, setSha256] = useState('');
  const [agreed, setAgreed] = useState(false);
  const id = useId();
  const hash = sha256.trim().toLowerCase();
  const wellFormed = hash === '' || /^[0-9a-f]{64}$/.test(hash);
  return (
    <form
      className="download-form"
      onSubmit={(event) => {
        event.preventDefault();
        studio.models.fetch({ url: url.trim(), sha256: hash === '' ? null : hash }).then(() => {
          setUrl('');
          setSha256('');
          setAgreed(false);
        }, tellFailure);
      }}
    >
      <label htmlFor={`${id}-url`}>Address of a model file</label>
      <input
        id={`${id}-url`}
        className="field"
        inputMode="url"
        placeholder="https://…/model.safetensors"
        value={url}
        onChange={(event) => setUrl(event.target.value)}
      />
      <label htmlFor={`${id}-hash`}>SHA-256 from its page</label>
      <input
        id={`${id}-hash`}
        className="field"
        placeholder="if there is one"
        aria-invalid={!wellFormed}
        value={sha256}
        onChange={(event) => setSha256(event.target.value)}
      />
      {!wellFormed && <p className="hint danger">A SHA-256 has 64 digits from 0 to 9 and a to f.</p>}
      <label className="check">
        <input type="checkbox" checked={agreed} onChange={(event) => setAgreed(event.target.checked)} />I have
        read the model’s licence
      </label>
      <button type="submit" className="button" disabled={url.trim() === '' || !agreed || !wellFormed}>
        <DownloadIcon size={14} aria-hidden /> Download
      </button>
    </form>
  );
}

export function Downloads() {
  const { data } = useQuery(downloadsQuery);
  return (
    <section aria-label="Downloads" className="models-section">
      <h3>From the network</h3>
      <p className="hint">
        Nothing is contacted until you press Download, and then only the host in the address. Downloads go on
        where they were after a pause, a lost connection or a restart.
      </p>
      <Form />
      {data !== undefined && data.length > 0 && (
        <ul aria-label="Downloads">
          {data.map((download) => (
            <Row key={download.id} download={download} />
          ))}
        </ul>
      )}
    </section>
  );
}
