import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jointAt, JOINTS, limbs, moveJoint, newPose, readOpenPose, writeOpenPose } from './pose.ts';
import { chooseWildcards, hasWildcards } from './wildcards.ts';

const box = { x: 10, y: 20, width: 256, height: 512 };

describe('a pose', () => {
  it('stands in the box, with limbs between its joints', () => {
    const { joints } = newPose(box, 0);
    expect(joints).toHaveLength(JOINTS);
    for (const { x, y } of joints)
      expect([x > 10, x < 266, y > 20, y < 532]).toEqual([true, true, true, true]);
    expect(new Set(limbs.flat()).size).toBe(JOINTS);
  });
  it('is found by its joints', () => {
    const pose = newPose(box, 0);
    const wrist = pose.joints[4];
    expect(jointAt([pose], (wrist?.x ?? 0) + 3, wrist?.y ?? 0, 8)?.index).toBe(4);
    expect(jointAt([pose], -500, 0, 8)).toBeNull();
  });
  it('goes to OpenPose JSON and comes back', () => {
    const people = [
      moveJoint(newPose(box, 0), 7, { x: 30.5, y: 40 }),
      moveJoint(newPose(box, 1), 0, { hidden: true }),
    ];
    const back = readOpenPose(writeOpenPose(people, box), box);
    expect(back.map(({ joints }) => joints.map(({ hidden }) => hidden))).toEqual(
      people.map(({ joints }) => joints.map(({ hidden }) => hidden)),
    );
    expect(back[0]?.joints).toEqual(people[0]?.joints);
  });
  it('takes BODY_25, relative places, other sizes, and lists of one', () => {
    const body25 = Array.from({ length: 25 }, (_, i) => [i / 25, 0.5, 1]).flat();
    const [person] = readOpenPose(JSON.stringify([{ people: [{ pose_keypoints_2d: body25 }] }]), box);
    expect(person?.joints[8]).toEqual({
      x: Math.round((10 + (9 / 25) * 256) * 10) / 10,
      y: 276,
      hidden: false,
    });
    const half = {
      people: [{ pose_keypoints_2d: Array.from({ length: 54 }, () => 64) }],
      canvas_width: 128,
      canvas_height: 128,
    };
    expect(readOpenPose(JSON.stringify(half), box)[0]?.joints[0]).toEqual({ x: 138, y: 276, hidden: false });
  });
  it('says what is wrong with a file', () => {
    expect(() => readOpenPose('x', box)).toThrow('it is not JSON');
    expect(() => readOpenPose('{"people":[{}]}', box)).toThrow('pose_keypoints_2d');
    expect(() => readOpenPose('{"people":[{"pose_keypoints_2d":[1,2]}]}', box)).toThrow(
      'person 1 has 2 numbers',
    );
  });
});

describe('wildcards', () => {
  it('are one of several, by the seed alone', () => {
    const prompt = 'a {red|green|blue} {big |}boat';
    const seen = new Set(Array.from({ length: 200 }, (_, seed) => chooseWildcards(prompt, seed)));
    expect(seen.size).toBe(6);
    expect(chooseWildcards(prompt, 7)).toBe(chooseWildcards(prompt, 7));
  });
  it('nest, and leave other braces alone', () => {
    expect(['a b', 'a c', 'd']).toContain(chooseWildcards('{a {b|c}|d}', 3));
    expect(chooseWildcards('{one} \\{x\\|y\\} {', 1)).toBe('{one} {x|y} {');
    expect([hasWildcards('{a|b}'), hasWildcards('{a}'), hasWildcards('\\{a|b}')]).toEqual([
      true,
      false,
      false,
    ]);
  });
  it('end, whatever is written', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[{}|\\a ]{0,40}$/), fc.nat(), (prompt, seed) => {
        expect(typeof chooseWildcards(prompt, seed)).toBe('string');
      }),
    );
  });
});
