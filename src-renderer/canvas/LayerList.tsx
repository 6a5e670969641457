// The layers from the top down, and the settings of the chosen one.
import { ArrowDown, ArrowUp, Blend, Copy, Eye, EyeOff, Lock, LockOpen, Trash2 } from 'lucide-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { performOn, sealStep, useDocument, usePart } from '../app/document.ts';
import { paintOptionsQuery } from '../app/queries.ts';
import {
  addLayer,
  duplicateLayer,
  moveLayer,
  removeLayer,
  setLayer,
  type LayerSettings,
} from '../core/canvas/actions.ts';
import { isControl, type Layer, type LayerKind, newLayer } from '../core/canvas/model.ts';
import { newPose } from '../core/canvas/pose.ts';
import { askForControl, layerKinds } from './layer-kinds.ts';
import { PosePanel } from './PosePanel.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberSetting } from '../ui/Slider.tsx';
import { selectedLayer, useCanvasView } from './view.ts';

function AddLayer({ above }: { above: string | null }) {
  const { layers } = usePart('canvas');
  const { canvas } = useDocument(({ history }) => history.present);
  const controls = useQuery(paintOptionsQuery).data?.controls;
  // A kind without a ControlNet would steer nothing: it asks for one.
  const missing = (kind: LayerKind): boolean =>
    isControl(kind) && controls !== undefined && !controls.includes(kind);
  const add = (kind: LayerKind): void => {
    if (missing(kind)) {
      askForControl(kind);
      return;
    }
    const layer = newLayer(kind, layers);
    if (kind === 'pose') layer.items.push(newPose(canvas.box, 0));
    performOn('canvas', addLayer(layer, above));
    useCanvasView.setState({ selected: layer.id });
  };
  return (
    <div className="add-layer" role="group" aria-label="Add a layer">
      {(Object.keys(layerKinds) as LayerKind[]).map((kind) => {
        const { label, icon: Icon } = layerKinds[kind];
        return (
          <button
            key={kind}
            type="button"
            className={`button ${missing(kind) ? 'missing' : ''}`}
            title={missing(kind) ? 'Needs a ControlNet that is not here yet' : undefined}
            aria-label={`Add a ${label.toLowerCase()} layer`}
            onClick={() => add(kind)}
          >
            <Icon size={14} aria-hidden /> {label}
          </button>
        );
      })}
    </div>
  );
}

function Name({ layer }: { layer: Layer }) {
  const [text, setText] = useState<string | null>(null);
  if (text === null) {
    return (
      <span className="layer-name" onDoubleClick={() => setText(layer.name)}>
        {layer.name}
      </span>
    );
  }
  const commit = (): void => {
    if (text.trim() !== '') performOn('canvas', setLayer(layer.id, { name: text.trim().slice(0, 200) }));
    sealStep();
    setText(null);
  };
  return (
    <input
      className="field layer-rename"
      aria-label="Name of the layer"
      autoFocus
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        if (event.key === 'Escape') setText(null);
      }}
    />
  );
}

function Row({ layer, chosen }: { layer: Layer; chosen: boolean }) {
  const Icon = layerKinds[layer.kind].icon;
  const set = (settings: LayerSettings): void => {
    performOn('canvas', setLayer(layer.id, settings));
    sealStep();
  };
  return (
    <li className={`layer ${chosen ? 'layer-chosen' : ''} ${layer.visible ? '' : 'layer-hidden'}`}>
      <IconButton
        label={layer.visible ? `Hide ${layer.name}` : `Show ${layer.name}`}
        icon={layer.visible ? Eye : EyeOff}
        size={14}
        onClick={() => set({ visible: !layer.visible })}
      />
      <button
        type="button"
        className="layer-choose"
        aria-pressed={chosen}
        aria-label={`Draw on ${layer.name}`}
        onClick={() => useCanvasView.setState({ selected: layer.id })}
      >
        <Icon size={14} aria-hidden />
      </button>
      <div className="layer-label" onClick={() => useCanvasView.setState({ selected: layer.id })}>
        <Name layer={layer} />
      </div>
      {layer.locked && <Lock size={12} className="muted" aria-label="locked" />}
    </li>
  );
}

function Settings({ layer }: { layer: Layer }) {
  const set = (settings: LayerSettings): void => performOn('canvas', setLayer(layer.id, settings));
  return (
    <div className="layer-settings" role="group" aria-label={`Settings of ${layer.name}`}>
      <div className="layer-actions">
        <IconButton
          label="Move up"
          hint="Mod+]"
          icon={ArrowUp}
          size={14}
          onClick={() => performOn('canvas', moveLayer(layer.id, 1))}
        />
        <IconButton
          label="Move down"
          icon={ArrowDown}
          size={14}
          onClick={() => performOn('canvas', moveLayer(layer.id, -1))}
        />
        <IconButton
          label="Duplicate"
          icon={Copy}
          size={14}
          onClick={() => performOn('canvas', duplicateLayer(layer.id))}
        />
        <IconButton
          label={layer.locked ? 'Unlock' : 'Lock'}
          icon={layer.locked ? Lock : LockOpen}
          size={14}
          pressed={layer.locked}
          onClick={() => {
            set({ locked: !layer.locked });
            sealStep();
          }}
        />
        {layer.kind === 'paint' && (
          <IconButton
            label={
              layer.keepsTransparency === true
                ? 'Paint everywhere'
                : 'Keep transparency: paint only where paint is'
            }
            icon={Blend}
            size={14}
            pressed={layer.keepsTransparency === true}
            onClick={() => {
              set({ keepsTransparency: layer.keepsTransparency !== true });
              sealStep();
            }}
          />
        )}
        <IconButton
          label="Delete"
          icon={Trash2}
          size={14}
          onClick={() => performOn('canvas', removeLayer(layer.id))}
        />
      </div>
      {layer.kind === 'pose' && <PosePanel layer={layer} />}
      {isControl(layer.kind) ? (
        <>
          <NumberSetting
            name="Strength"
            value={layer.strength}
            min={0}
            max={2}
            step={0.05}
            onChange={(strength) => set({ strength })}
            onEnd={sealStep}
          />
          <NumberSetting
            name="From"
            value={layer.start}
            min={0}
            max={1}
            step={0.05}
            onChange={(start) => set({ start: Math.min(start, layer.end) })}
            onEnd={sealStep}
          />
          <NumberSetting
            name="Until"
            value={layer.end}
            min={0}
            max={1}
            step={0.05}
            onChange={(end) => set({ end: Math.max(end, layer.start) })}
            onEnd={sealStep}
          />
        </>
      ) : (
        <NumberSetting
          name="Opacity"
          value={layer.opacity}
          min={0}
          max={1}
          step={0.05}
          onChange={(opacity) => set({ opacity })}
          onEnd={sealStep}
        />
      )}
    </div>
  );
}

export function LayerList() {
  const { layers } = usePart('canvas');
  const selected = useCanvasView((state) => state.selected);
  const chosen = selectedLayer(layers, selected);
  return (
    <div className="layers">
      <AddLayer above={chosen?.id ?? null} />
      <ul aria-label="Layers, from the top">
        {[...layers].reverse().map((layer) => (
          <Row key={layer.id} layer={layer} chosen={layer.id === chosen?.id} />
        ))}
      </ul>
      {chosen !== undefined && <Settings layer={chosen} />}
    </div>
  );
}
