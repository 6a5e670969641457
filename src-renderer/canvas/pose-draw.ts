// A pose as ControlNets have seen it: limbs of one colour each, then joints. Hidden joints and their limbs are left
// out of what is painted, and shown as rings while it is edited.
import { jointColour, limbs, type Pose } from '../core/canvas/pose.ts';
import type { Context } from './raster.ts';

const LIMB_ALPHA = 0.6;

export function drawPose(context: Context, { joints, size }: Pose, editing: boolean): void {
  context.save();
  context.globalAlpha = LIMB_ALPHA;
  limbs.forEach(([from, to], index) => {
    const [a, b] = [joints[from], joints[to]];
    if (a === undefined || b === undefined || a.hidden || b.hidden) return;
    context.fillStyle = jointColour(index);
    context.beginPath();
    const half = Math.hypot(b.x - a.x, b.y - a.y) / 2;
    context.ellipse(
      (a.x + b.x) / 2,
      (a.y + b.y) / 2,
      half,
      size,
      Math.atan2(b.y - a.y, b.x - a.x),
      0,
      2 * Math.PI,
    );
    context.fill();
  });
  context.globalAlpha = 1;
  joints.forEach(({ x, y, hidden }, index) => {
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fillStyle = context.strokeStyle = jointColour(index);
    if (!hidden) context.fill();
    else if (editing) {
      context.lineWidth = size / 3;
      context.stroke();
    }
  });
  context.restore();
}
