// Every picture that was painted or brought in: searched, looked at, used again.
import { Star } from 'lucide-react';
import { useDeferredValue, useEffect, useState } from 'react';
import { runCommand } from '../app/commands/table.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { bring } from './doing.ts';
import { Compare } from './Compare.tsx';
import { Details } from './Details.tsx';
import { PictureGrid } from './PictureGrid.tsx';
import { boardsOf, followGallery, matching, useGalleryView, usePictures } from './pictures.ts';

function Empty({ filtered }: { filtered: boolean }) {
  if (filtered) return <p className="gallery-empty">No picture fits what you look for.</p>;
  return (
    <div className="gallery-empty">
      <p>Pictures are kept here when they are painted. Others can be dropped in.</p>
      <button type="button" className="button" onClick={() => runCommand('help.example')}>
        Paint the example
      </button>
    </div>
  );
}

export function GalleryPane() {
  const { data, error } = usePictures();
  const { search, starredOnly, board, chosen, compared } = useGalleryView();
  const [over, setOver] = useState(false);
  useEffect(followGallery, []);
  const wanted = useDeferredValue(search);
  const pictures = matching(data ?? [], { search: wanted, starredOnly, board });
  const boards = boardsOf(data ?? []);
  const other = (data ?? []).find(({ id }) => id === compared);
  const picture = pictures.find(({ id }) => id === chosen);
  return (
    <div
      className={`gallery ${over ? 'gallery-over' : ''}`}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const files = [...event.dataTransfer.files];
        if (files.length === 0) return;
        event.preventDefault();
        void bring(files);
      }}
    >
      <div className="gallery-search">
        <input
          className="field"
          type="search"
          aria-label="Search pictures"
          placeholder="Search prompts, models, seeds…"
          value={search}
          onChange={(event) => useGalleryView.setState({ search: event.target.value })}
        />
        {boards.length > 0 && (
          <select
            className="field"
            aria-label="Board"
            value={board ?? ''}
            onChange={(event) => useGalleryView.setState({ board: event.target.value || null })}
          >
            <option value="">All pictures</option>
            {boards.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <IconButton
          label="Starred only"
          icon={Star}
          size={15}
          pressed={starredOnly}
          onClick={() => useGalleryView.setState({ starredOnly: !starredOnly })}
        />
        <span className="gallery-count" role="status">
          {data === undefined ? '' : pictures.length === 1 ? '1 picture' : `${pictures.length} pictures`}
        </span>
      </div>
      {error !== null && <p className="hint">{error.message}</p>}
      {data !== undefined && pictures.length === 0 ? (
        <Empty filtered={data.length > 0} />
      ) : (
        <PictureGrid pictures={pictures} />
      )}
      {picture !== undefined && other !== undefined && other !== picture && (
        <Compare one={other} other={picture} />
      )}
      {picture !== undefined && <Details picture={picture} boards={boards} />}
    </div>
  );
}
