// The tools at the left, and what the chosen one can be set to.
import {
  ArrowLeftRight,
  Brush,
  Circle,
  Crop,
  Eraser,
  Hand,
  Lasso,
  type LucideIcon,
  Move,
  Pipette,
  Square,
} from 'lucide-react';
import { useShallow } from 'zustand/react/shallow';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberSetting } from '../ui/Slider.tsx';
import { usePart } from '../app/document.ts';
import {
  inkOf,
  MAX_BRUSH,
  MIN_BRUSH,
  selectedLayer,
  setSize,
  setTool,
  type ToolName,
  useCanvasView,
} from './view.ts';

const tools: readonly { name: ToolName; label: string; key: string; icon: LucideIcon }[] = [
  { name: 'brush', label: 'Brush', key: 'B', icon: Brush },
  { name: 'eraser', label: 'Eraser', key: 'E', icon: Eraser },
  { name: 'rectangle', label: 'Rectangle', key: 'U', icon: Square },
  { name: 'ellipse', label: 'Ellipse', key: 'O', icon: Circle },
  { name: 'lasso', label: 'Lasso fill', key: 'L', icon: Lasso },
  { name: 'move', label: 'Move layer', key: 'V', icon: Move },
  { name: 'box', label: 'Painted area', key: 'C', icon: Crop },
  { name: 'picker', label: 'Pick a colour', key: 'I', icon: Pipette },
  { name: 'hand', label: 'Move the view', key: 'H', icon: Hand },
];

export function ToolRail() {
  const tool = useCanvasView((state) => state.tool);
  return (
    <div className="tool-rail" role="toolbar" aria-label="Tools" aria-orientation="vertical">
      {tools.map(({ name, label, key, icon }) => (
        <IconButton
          key={name}
          label={label}
          hint={key}
          icon={icon}
          size={17}
          side="right"
          pressed={tool === name}
          onClick={() => setTool(name)}
        />
      ))}
      <div className="rail-gap" />
      <Colours />
    </div>
  );
}

function Colours() {
  const { colour, otherColour } = useCanvasView(
    useShallow(({ colour, otherColour }) => ({ colour, otherColour })),
  );
  return (
    <div className="colours">
      <input
        type="color"
        className="colour"
        aria-label="Colour of paint"
        value={colour}
        onChange={(event) => useCanvasView.setState({ colour: event.target.value })}
      />
      <IconButton
        label="Swap colours"
        hint="X"
        icon={ArrowLeftRight}
        size={13}
        side="right"
        onClick={() => useCanvasView.setState({ colour: otherColour, otherColour: colour })}
      />
      <input
        type="color"
        className="colour colour-small"
        aria-label="Other colour"
        value={otherColour}
        onChange={(event) => useCanvasView.setState({ otherColour: event.target.value })}
      />
    </div>
  );
}

const sized = new Set<ToolName>(['brush', 'eraser', 'rectangle', 'ellipse']);

export function ToolOptions() {
  const { tool, size, filled, selected, nearness } = useCanvasView(
    useShallow(({ tool, size, filled, selected, nearness }) => ({ tool, size, filled, selected, nearness })),
  );
  const { layers } = usePart('canvas');
  const layer = selectedLayer(layers, selected);
  if (!sized.has(tool) || layer === undefined || layer.kind === 'pose') return null;
  const isShape = tool === 'rectangle' || tool === 'ellipse';
  return (
    <div className="tool-options floating">
      <span className="on-layer">
        <i className="ink" style={{ background: inkOf(layer) }} aria-hidden />
        {layer.name}
      </span>
      <NumberSetting
        name="Size"
        value={size}
        min={MIN_BRUSH}
        max={MAX_BRUSH}
        onChange={setSize}
        unit="pixels"
      />
      {layer.kind === 'depth' && (
        <NumberSetting
          name="Near"
          value={nearness}
          min={0}
          max={255}
          onChange={(value) => useCanvasView.setState({ nearness: Math.round(value) })}
        />
      )}
      {isShape && (
        <label className="check">
          <input
            type="checkbox"
            checked={filled}
            onChange={(event) => useCanvasView.setState({ filled: event.target.checked })}
          />
          Filled
        </label>
      )}
    </div>
  );
}
