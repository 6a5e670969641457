// People as stick figures: OpenPose's 18 joints in COCO's order, and its JSON. Lengths are pixels.
import { z } from 'zod';
import { newId } from '../ids.ts';
import type { Box } from './model.ts';

export const jointNames = [
  'Nose',
  'Neck',
  'Right shoulder',
  'Right elbow',
  'Right wrist',
  'Left shoulder',
  'Left elbow',
  'Left wrist',
  'Right hip',
  'Right knee',
  'Right ankle',
  'Left hip',
  'Left knee',
  'Left ankle',
  'Right eye',
  'Left eye',
  'Right ear',
  'Left ear',
] as const;
export const JOINTS = jointNames.length;

// Pairs of joints, in the order in which ControlNets for poses have seen them drawn: a limb has its number's colour.
export const limbs: readonly (readonly [number, number])[] = [
  [1, 2],
  [1, 5],
  [2, 3],
  [3, 4],
  [5, 6],
  [6, 7],
  [1, 8],
  [8, 9],
  [9, 10],
  [1, 11],
  [11, 12],
  [12, 13],
  [1, 0],
  [0, 14],
  [14, 16],
  [0, 15],
  [15, 17],
];

// Around the colour circle in 18 steps.
export const jointColour = (index: number): string => `hsl(${index * 20} 100% 50%)`;

export const joint = z.object({ x: z.number(), y: z.number(), hidden: z.boolean() });
export type Joint = z.infer<typeof joint>;

export const pose = z.object({
  type: z.literal('pose'),
  id: z.string().min(1),
  joints: z.array(joint).length(JOINTS),
  size: z.number().positive(), // of a joint's radius and half a limb's thickness
});
export type Pose = z.infer<typeof pose>;

// Somebody who stands and looks at us, in thousandths of the height.
const standing: readonly (readonly [number, number])[] = [
  [0, 110],
  [0, 200],
  [-80, 200],
  [-110, 330],
  [-120, 450],
  [80, 200],
  [110, 330],
  [120, 450],
  [-50, 460],
  [-55, 680],
  [-60, 890],
  [50, 460],
  [55, 680],
  [60, 890],
  [-18, 92],
  [18, 92],
  [-42, 104],
  [42, 104],
];

const round = (value: number): number => Math.round(value * 10) / 10;

// A limb is 4 pixels to each side of its middle in a picture of 512, as the networks were trained.
export const poseSize = ({ width, height }: Pick<Box, 'width' | 'height'>): number =>
  Math.max(1, round(Math.max(width, height) / 128));

// In the middle of the box; further people stand to the right of the ones before.
export function newPose(box: Box, others: number): Pose {
  const middle = box.x + box.width * (0.5 + 0.22 * (others % 3));
  return {
    type: 'pose',
    id: newId(),
    size: poseSize(box),
    joints: standing.map(([x, y]) => ({
      x: round(middle + (x * box.height) / 1000),
      y: round(box.y + (y * box.height) / 1000),
      hidden: false,
    })),
  };
}

export const moveJoint = (item: Pose, index: number, changes: Partial<Joint>): Pose => {
  const found = item.joints[index];
  return found === undefined ? item : { ...item, joints: item.joints.with(index, { ...found, ...changes }) };
};

export const movePose = (item: Pose, dx: number, dy: number): Pose => ({
  ...item,
  joints: item.joints.map((each) => ({ ...each, x: round(each.x + dx), y: round(each.y + dy) })),
});

// The joint nearest to a point and no further than `reach`; the topmost person wins.
export function jointAt(
  poses: readonly Pose[],
  x: number,
  y: number,
  reach: number,
): { pose: Pose; index: number } | null {
  let best: { pose: Pose; index: number } | null = null;
  let nearest = reach;
  for (const each of poses) {
    each.joints.forEach((at, index) => {
      const distance = Math.hypot(at.x - x, at.y - y);
      if (distance <= nearest) [best, nearest] = [{ pose: each, index }, distance];
    });
  }
  return best;
}

// BODY_25 has the same joints and some more; which of them is each of ours.
const fromBody25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

const openPose = z.object({
  people: z.array(z.looseObject({ pose_keypoints_2d: z.array(z.number()) })),
  canvas_width: z.number().positive().optional(),
  canvas_height: z.number().positive().optional(),
});

// People of an OpenPose file, stretched to the box. Throws with what was expected and found.
export function readOpenPose(text: string, box: Box): Pose[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error('this is no OpenPose file: it is not JSON', { cause });
  }
  // Some editors write a list of one such object.
  const parsed = openPose.safeParse(Array.isArray(json) ? json[0] : json);
  if (!parsed.success)
    throw new Error('this is no OpenPose file: expected "people" with "pose_keypoints_2d", found none');
  const { people, canvas_width, canvas_height } = parsed.data;
  return people.map(({ pose_keypoints_2d: numbers }, person) => {
    const order = numbers.length === 75 ? fromBody25 : [...jointNames.keys()];
    if (numbers.length !== 75 && numbers.length !== 3 * JOINTS)
      throw new Error(
        `person ${person + 1} has ${numbers.length} numbers, expected ${3 * JOINTS} (18 joints) or 75 (BODY_25)`,
      );
    const seen = (index: number): boolean => (numbers[3 * index + 2] ?? 0) > 0;
    const relative = order.every(
      (index) => (numbers[3 * index] ?? 0) <= 1 && (numbers[3 * index + 1] ?? 0) <= 1,
    );
    const sx = relative ? box.width : canvas_width === undefined ? 1 : box.width / canvas_width;
    const sy = relative ? box.height : canvas_height === undefined ? 1 : box.height / canvas_height;
    return {
      type: 'pose',
      id: newId(),
      size: poseSize(box),
      joints: order.map((index) => ({
        x: round(box.x + (numbers[3 * index] ?? 0) * sx),
        y: round(box.y + (numbers[3 * index + 1] ?? 0) * sy),
        hidden: !seen(index),
      })),
    };
  });
}

// In pixels of the box. A hidden joint has no confidence, and by OpenPose's custom no place.
export function writeOpenPose(poses: readonly Pose[], box: Box): string {
  const people = poses.map(({ joints }) => ({
    pose_keypoints_2d: joints.flatMap(({ x, y, hidden }) =>
      hidden ? [0, 0, 0] : [round(x - box.x), round(y - box.y), 1],
    ),
  }));
  return JSON.stringify({ people, canvas_width: box.width, canvas_height: box.height });
}
