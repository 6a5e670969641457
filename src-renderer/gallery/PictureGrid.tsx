// The thumbnails. Only the rows on the screen exist, so a gallery of many thousands scrolls like one of ten.
import { useVirtualizer } from '@tanstack/react-virtual';
import { Star } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { GalleryPicture } from '../../src-preload/contract/gallery.ts';
import { tellFailure } from '../app/notices.ts';
import { studio } from '../app/studio.ts';
import { place } from './doing.ts';
import { nameOf, useGalleryView } from './pictures.ts';

const TILE = 112; // at least; tiles fill the width
const GAP = 6;

const optionId = (id: string): string => `picture-${id}`;

function Tile({ picture, position, count }: { picture: GalleryPicture; position: number; count: number }) {
  const chosen = useGalleryView((state) => state.chosen === picture.id);
  return (
    <div
      role="option"
      id={optionId(picture.id)}
      className="tile"
      aria-selected={chosen}
      aria-posinset={position}
      aria-setsize={count}
      aria-label={`${nameOf(picture)}${picture.starred ? ', starred' : ''}`}
      draggable
      onClick={() => useGalleryView.setState({ chosen: picture.id })}
      onDoubleClick={() => place(picture)}
      onDragStart={(event) => {
        event.preventDefault(); // the system's own drag instead, which other programs take as a file
        studio.gallery.drag(picture.id).catch(tellFailure);
      }}
    >
      <img src={picture.url} alt="" loading="lazy" decoding="async" draggable={false} />
      {picture.starred && <Star size={13} className="tile-star" aria-hidden />}
    </div>
  );
}

const steps: Record<string, (columns: number) => number> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
  PageUp: (columns) => -columns * 4,
  PageDown: (columns) => columns * 4,
  Home: () => -Infinity,
  End: () => Infinity,
};

export function PictureGrid({ pictures }: { pictures: readonly GalleryPicture[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const chosen = useGalleryView((state) => state.chosen);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const columns = Math.max(1, Math.floor((width + GAP) / (TILE + GAP)));
  const side = Math.max(1, (width - GAP * (columns - 1)) / columns);
  // eslint-disable-next-line react-hooks/incompatible-library -- no compiler memoizes here
  const rows = useVirtualizer({
    count: Math.ceil(pictures.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => side + GAP,
    overscan: 3,
  });
  useEffect(() => rows.measure(), [rows, side]);
  const at = pictures.findIndex(({ id }) => id === chosen);
  useEffect(() => {
    if (at >= 0) rows.scrollToIndex(Math.floor(at / columns));
  }, [rows, at, columns]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = steps[event.key];
    if (step === undefined || pictures.length === 0) return;
    event.preventDefault();
    const by = step(columns);
    const wanted = at < 0 && Number.isFinite(by) ? 0 : at + by;
    const next = Math.min(pictures.length - 1, Math.max(0, wanted));
    useGalleryView.setState({ chosen: pictures[next]?.id ?? null });
  };
  return (
    <div
      ref={scroller}
      className="tiles"
      role="listbox"
      aria-label="Pictures, newest first"
      tabIndex={0}
      onKeyDown={onKeyDown}
      {...(at < 0 || chosen === null ? {} : { 'aria-activedescendant': optionId(chosen) })}
    >
      <div className="tiles-all" role="presentation" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => (
          <div
            key={index}
            className="tile-row"
            role="presentation"
            style={{
              transform: `translateY(${start}px)`,
              height: side,
              gridTemplateColumns: `repeat(${columns}, 1fr)`,
            }}
          >
            {pictures.slice(index * columns, (index + 1) * columns).map((picture, column) => (
              <Tile
                key={picture.id}
                picture={picture}
                position={index * columns + column + 1}
                count={pictures.length}
              />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
