// A scene's shapes, strokes and figures as a small picture, in thousandths.
import type { StudioAction } from '../../../src-preload/contract/actions.ts';
import type { Shape } from '../../../src-preload/contract/answers/scene.ts';

interface Point {
  x: number;
  y: number;
}
const path = (points: readonly Point[]): string => points.map(({ x, y }) => `${x},${y}`).join(' ');

function ShapeView({ shape }: { shape: Shape }) {
  switch (shape.shape) {
    case 'rectangle':
      return <rect x={shape.x} y={shape.y} width={shape.width} height={shape.height} fill={shape.colour} />;
    case 'ellipse':
      return (
        <ellipse cx={shape.x} cy={shape.y} rx={shape.width / 2} ry={shape.height / 2} fill={shape.colour} />
      );
    case 'polygon':
      return <polygon points={path(shape.points)} fill={shape.colour} />;
  }
}

function ActionView({ action }: { action: StudioAction }) {
  if (action.action === 'add-shape') return <ShapeView shape={action.shape} />;
  if (action.action === 'add-stroke') {
    const { points, colour, width } = action.stroke;
    return <polyline points={path(points)} stroke={colour} strokeWidth={width} fill="none" />;
  }
  if (action.action !== 'add-figure') return null;
  return (
    <>
      {action.figure.joints.map(({ joint, x, y }, index) => (
        <circle key={`${joint}-${index}`} cx={x} cy={y} r={14} className="sketch-joint" />
      ))}
    </>
  );
}

export function Sketch({ actions, label }: { actions: readonly StudioAction[]; label: string }) {
  if (!actions.some(({ action }) => action.startsWith('add-'))) return null;
  return (
    <svg className="sketch" viewBox="0 0 1000 1000" role="img" aria-label={label}>
      {actions.map((action, index) => (
        <ActionView key={index} action={action} />
      ))}
    </svg>
  );
}
