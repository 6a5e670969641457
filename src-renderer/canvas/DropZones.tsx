// While a picture is dragged over the canvas: where it can be let go, and what it becomes there.
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { create } from 'zustand';
import { paintOptionsQuery } from '../app/queries.ts';
import { isControl } from '../core/canvas/model.ts';
import { importPictures, type PictureKind } from './drop.ts';
import { askForControl, layerKinds } from './layer-kinds.ts';

const useDragging = create<{ over: boolean }>()(() => ({ over: false }));

const zones: { kind: PictureKind; title: string; what: string }[] = [
  { kind: 'paint', title: 'Picture', what: 'a layer as it is' },
  { kind: 'scribble', title: 'Scribble', what: 'a drawing that steers, dark on light or light on dark' },
  { kind: 'canny', title: 'Edges', what: 'its edges steer' },
  { kind: 'depth', title: 'Depth', what: 'a depth map, light is near' },
  { kind: 'mask', title: 'Mask', what: 'white is repainted' },
];

function followDrags(): () => void {
  const leaving = new AbortController();
  const options = { signal: leaving.signal, capture: true };
  const end = () => useDragging.setState({ over: false });
  window.addEventListener(
    'dragover',
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const over = event.dataTransfer?.types.includes('Files') === true && target?.closest('.canvas') != null;
      if (over !== useDragging.getState().over) useDragging.setState({ over });
    },
    options,
  );
  window.addEventListener(
    'dragleave',
    (event) => {
      if (event.relatedTarget === null) end(); // out of the window
    },
    options,
  );
  // Later than the zone's own handler, which would be gone with it.
  window.addEventListener('drop', end, { signal: leaving.signal });
  window.addEventListener('dragend', end, options);
  return () => leaving.abort();
}

export function DropZones() {
  const { over } = useDragging();
  const controls = useQuery(paintOptionsQuery).data?.controls;
  useEffect(followDrags, []);
  if (!over) return null;
  const missing = (kind: PictureKind): boolean =>
    isControl(kind) && controls !== undefined && !controls.includes(kind);
  return (
    <div className="picture-zones" role="group" aria-label="Let a picture go here">
      {zones.map(({ kind, title, what }) => {
        const Icon = layerKinds[kind].icon;
        return (
          <div
            key={kind}
            role="img"
            aria-label={title}
            className={`picture-zone ${missing(kind) ? 'missing' : ''}`}
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              event.preventDefault();
              if (missing(kind)) askForControl(kind);
              else importPictures(event.dataTransfer.files, kind);
            }}
          >
            <Icon size={22} aria-hidden />
            <strong>{title}</strong>
            <span>{missing(kind) ? 'needs a ControlNet' : what}</span>
          </div>
        );
      })}
    </div>
  );
}
