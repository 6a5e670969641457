// Dragging the joints of a pose layer. Each gesture is one step; what is cancelled leaves none.
import { performOn, sealStep, undoStep } from '../app/document.ts';
import { replaceItem } from '../core/canvas/actions.ts';
import { toDocument } from '../core/canvas/geometry.ts';
import type { Layer } from '../core/canvas/model.ts';
import { jointAt, moveJoint, movePose, type Pose } from '../core/canvas/pose.ts';
import type { Modifiers } from '../app/pointer.ts';
import type { Gesture, Sample } from './gestures.ts';
import { useCanvasView } from './view.ts';

const REACH = 14; // pixels of the screen around a joint

export const posesOf = ({ items }: Layer): Pose[] => items.filter((item) => item.type === 'pose');

// `erase` hides the joint, or shows it again; Shift moves the whole person.
export function poseGesture(
  layer: Layer,
  first: Sample,
  { shift }: Pick<Modifiers, 'shift'>,
  erase: boolean,
): Gesture | null {
  const { view } = useCanvasView.getState();
  const from = toDocument(view, first);
  const found = jointAt(posesOf(layer), from.x - layer.x, from.y - layer.y, REACH / view.scale);
  if (found === null) return null;
  const { pose, index } = found;
  let changed = false;
  const change = (next: Pose): void => {
    performOn('canvas', replaceItem(layer.id, next, 'Pose'));
    changed = true;
  };
  if (erase) {
    change(moveJoint(pose, index, { hidden: pose.joints[index]?.hidden !== true }));
    sealStep();
    return null;
  }
  return {
    move: (samples) => {
      const last = samples.at(-1);
      if (last === undefined) return;
      const at = toDocument(view, last);
      const joint = pose.joints[index];
      if (joint === undefined) return;
      const [dx, dy] = [at.x - from.x, at.y - from.y];
      const round = (value: number): number => Math.round(value * 10) / 10;
      change(
        shift
          ? movePose(pose, dx, dy)
          : moveJoint(pose, index, { x: round(joint.x + dx), y: round(joint.y + dy) }),
      );
    },
    end: sealStep,
    cancel: () => {
      sealStep();
      if (changed) undoStep();
    },
  };
}
