// The chosen picture: what it was made from, and what can be done with it.
import { Columns2, FolderOpen, ImagePlus, RotateCcw, Shuffle, Star, StarOff, Trash2 } from 'lucide-react';
import type { GalleryPicture, MadeFrom } from '../../src-preload/contract/gallery.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { nameOf } from './pictures.ts';
import { compare, place, putOnBoard, reveal, star, takeFrom, trash } from './doing.ts';

const programs: Record<MadeFrom['by'], string> = {
  sluice: 'Sluice',
  a1111: "A1111's web UI",
  comfyui: 'ComfyUI',
  invokeai: 'InvokeAI',
};

const controlText = ({ kind, strength, url }: MadeFrom['controls'][number]): string =>
  `${kind} ${strength}${url === null ? ' (its drawing was not kept)' : ''}`;

function Facts({ picture }: { picture: GalleryPicture }) {
  const { from, width, height, madeAt } = picture;
  const facts: [string, string | number | null | undefined][] = [
    ['Size', `${width} × ${height}`],
    ['Seed', from?.seed],
    ['Steps', from?.steps],
    ['Guidance', from?.cfg],
    ['Sampler', from?.sampler],
    ['Model', from?.model],
    [
      'Steered by',
      from === null || from.controls.length === 0 ? null : from.controls.map(controlText).join(', '),
    ],
    ['Made', new Date(madeAt).toLocaleString()],
    ['By', from === null ? null : programs[from.by]],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

// A board that is not there yet is made by its name.
function Board({ picture, boards }: { picture: GalleryPicture; boards: readonly string[] }) {
  return (
    <div className="setting setting-wide">
      <label className="setting-name" htmlFor="board">
        Board
      </label>
      <input
        key={`${picture.id} ${picture.board ?? ''}`}
        id="board"
        className="field"
        list="boards"
        maxLength={60}
        placeholder="on none"
        defaultValue={picture.board ?? ''}
        onBlur={(event) => {
          const name = event.target.value.trim() || null;
          if (name !== picture.board) putOnBoard(picture, name);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') event.currentTarget.blur();
        }}
      />
      <datalist id="boards">
        {boards.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}

export function Details({ picture, boards }: { picture: GalleryPicture; boards: readonly string[] }) {
  const { from, starred } = picture;
  return (
    <section className="picture-details" aria-label="The chosen picture">
      <p className="picture-prompt">
        {from === null ? 'This picture does not say what it was made from.' : nameOf(picture)}
      </p>
      {from !== null && from.negative !== '' && <p className="hint">Not: {from.negative}</p>}
      <div className="picture-actions">
        <button type="button" className="button" onClick={() => place(picture)}>
          <ImagePlus size={14} aria-hidden /> Place
        </button>
        {from !== null && (
          <>
            <button type="button" className="button" onClick={() => takeFrom(picture, 'all')}>
              <RotateCcw size={14} aria-hidden /> Use all
            </button>
            <button type="button" className="button" onClick={() => takeFrom(picture, 'remix')}>
              <Shuffle size={14} aria-hidden /> Remix
            </button>
          </>
        )}
        <IconButton
          label={starred ? 'Take the star away' : 'Star'}
          hint="."
          icon={starred ? StarOff : Star}
          size={15}
          onClick={() => star(picture)}
        />
        <IconButton
          label="Compare with another"
          hint="C"
          icon={Columns2}
          size={15}
          onClick={() => compare(picture)}
        />
        <IconButton
          label="Show in its folder"
          hint="F"
          icon={FolderOpen}
          size={15}
          onClick={() => reveal(picture)}
        />
        <IconButton
          label="Move to the trash"
          hint="Delete"
          icon={Trash2}
          size={15}
          onClick={() => void trash(picture)}
        />
      </div>
      <Board picture={picture} boards={boards} />
      <Facts picture={picture} />
    </section>
  );
}
