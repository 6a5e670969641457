// Two pictures in one place: the slider says how much of which is seen.
import { X } from 'lucide-react';
import { useState } from 'react';
import type { GalleryPicture } from '../../src-preload/contract/gallery.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { nameOf, useGalleryView } from './pictures.ts';

export function Compare({ one, other }: { one: GalleryPicture; other: GalleryPicture }) {
  const [share, setShare] = useState(50);
  return (
    <section className="compare" aria-label="Two pictures compared">
      <div className="compare-pictures" style={{ aspectRatio: `${other.width} / ${other.height}` }}>
        <img src={other.url} alt={`Right: ${nameOf(other)}`} draggable={false} />
        <img
          src={one.url}
          alt={`Left: ${nameOf(one)}`}
          draggable={false}
          style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}
        />
        <div className="compare-edge" style={{ left: `${share}%` }} aria-hidden />
      </div>
      <div className="compare-bar">
        <input
          type="range"
          min={0}
          max={100}
          value={share}
          aria-label="How much of the left picture is seen"
          onChange={(event) => setShare(Number(event.target.value))}
        />
        <IconButton
          label="Compare no more"
          icon={X}
          size={15}
          onClick={() => useGalleryView.setState({ compared: null })}
        />
      </div>
    </section>
  );
}
