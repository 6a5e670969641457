// The models on this machine, by craft: what fits, under which licence, where they lie; folders; downloads.
import { useQuery } from '@tanstack/react-query';
import { FolderOpen, FolderPlus, RotateCcw, Trash2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { LocalModel, ModelKind } from '../../src-preload/contract/models.ts';
import { sentence, tell, tellFailure } from '../app/notices.ts';
import { changeSettings } from '../app/settings.ts';
import { studio } from '../app/studio.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { Downloads } from './Downloads.tsx';
import { followDownloads, lookAgain, modelsQuery } from './queries.ts';
import { bytesText } from './size.ts';

const kinds: readonly { kind: ModelKind; title: string }[] = [
  { kind: 'picture', title: 'Pictures' },
  { kind: 'controlnet', title: 'Steering pictures (ControlNet)' },
  { kind: 'vae', title: 'VAE' },
  { kind: 'lora', title: 'LoRA' },
  { kind: 'midi', title: 'Tunes' },
  { kind: 'language', title: 'Words' },
  { kind: 'other', title: 'Other files' },
];

const fits: Record<LocalModel['fit'], string> = {
  fits: 'Fits',
  slow: 'Slow',
  'too-large': "Won't fit",
  unreadable: 'Cannot be read',
  unknown: '',
};

async function trash(model: LocalModel): Promise<void> {
  try {
    await studio.models.trash(model.id);
    tell(`${model.name} is in the trash.`);
    lookAgain();
  } catch (error) {
    tellFailure(error);
  }
}

function Row({ model }: { model: LocalModel }) {
  const { id, name, bytes, licence, fit, why, embedded, ours } = model;
  return (
    <li className="model">
      <div className="model-text">
        <p className="model-name">
          {name}
          {fits[fit] !== '' && <span className={`fit fit-${fit}`}>{fits[fit]}</span>}
        </p>
        <p className="hint">
          {[bytesText(bytes), licence ?? 'licence unknown', ...(embedded ? ['comes with Sluice'] : [])].join(
            ' · ',
          )}
        </p>
        {why !== '' && <p className="hint">{sentence(why)}</p>}
      </div>
      <IconButton
        label={`Show ${name} in its folder`}
        icon={FolderOpen}
        size={14}
        onClick={() => void studio.models.reveal(id).catch(tellFailure)}
      />
      {ours && (
        <IconButton
          label={`Move ${name} to the trash`}
          icon={Trash2}
          size={14}
          onClick={() => void trash(model)}
        />
      )}
    </li>
  );
}

export function ModelsPane() {
  const { data, error, isFetching } = useQuery(modelsQuery);
  const [search, setSearch] = useState('');
  useEffect(followDownloads, []);
  const wanted = search.trim().toLowerCase();
  const found = (data ?? []).filter(({ name, kind, licence }) =>
    `${name} ${kind} ${licence ?? ''}`.toLowerCase().includes(wanted),
  );
  return (
    <div className="models">
      <div className="models-head">
        <input
          className="field"
          type="search"
          aria-label="Search models"
          placeholder="Search models…"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <IconButton label="Look again" icon={RotateCcw} size={15} disabled={isFetching} onClick={lookAgain} />
        <button
          type="button"
          className="button"
          onClick={() => void changeSettings(() => studio.settings.addModelFolder())}
        >
          <FolderPlus size={14} aria-hidden /> Add a folder…
        </button>
      </div>
      {error !== null && <p className="hint danger">{error.message}</p>}
      {data === undefined && error === null && <p className="hint">Looking…</p>}
      {kinds
        .map(({ kind, title }) => ({ title, list: found.filter((model) => model.kind === kind) }))
        .filter(({ list }) => list.length > 0)
        .map(({ title, list }) => (
          <section key={title} className="models-section" aria-label={title}>
            <h3>{title}</h3>
            <ul aria-label={title}>
              {list.map((model) => (
                <Row key={model.id} model={model} />
              ))}
            </ul>
          </section>
        ))}
      {data !== undefined && found.length === 0 && <p className="hint">No model of that name.</p>}
      <Downloads />
    </div>
  );
}
