import { Maximize, Minus, Plus } from 'lucide-react';
import { runCommand } from '../app/commands/table.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { useCanvasView } from './view.ts';
import { usePart } from '../app/document.ts';

export function ZoomBar() {
  const scale = useCanvasView((state) => state.view.scale);
  const { width, height } = usePart('canvas').box;
  return (
    <div className="zoom-bar floating">
      <IconButton label="Zoom out" icon={Minus} size={14} onClick={() => runCommand('canvas.zoom-out')} />
      <button
        type="button"
        className="zoom-value"
        title="To the size of pixels"
        onClick={() => runCommand('canvas.zoom-100')}
      >
        {Math.round(scale * 100)}%
      </button>
      <IconButton label="Zoom in" icon={Plus} size={14} onClick={() => runCommand('canvas.zoom-in')} />
      <IconButton
        label="Fit the painted area"
        icon={Maximize}
        size={14}
        onClick={() => runCommand('canvas.fit')}
      />
      <span className="box-size">
        {width} × {height}
      </span>
    </div>
  );
}
