// The people of a pose layer, by keyboard too: each joint's place, hidden ones, OpenPose files in and out.
import { FileInput, FileOutput, Trash2, UserPlus } from 'lucide-react';
import { useState } from 'react';
import { currentDocument, performOn, sealStep } from '../app/document.ts';
import { tell, tellFailure } from '../app/notices.ts';
import { studio } from '../app/studio.ts';
import { addItem, addItems, removeItem, replaceItem } from '../core/canvas/actions.ts';
import type { Layer } from '../core/canvas/model.ts';
import {
  jointNames,
  moveJoint,
  newPose,
  type Pose,
  readOpenPose,
  writeOpenPose,
} from '../core/canvas/pose.ts';
import { Choice } from '../ui/Choice.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberSetting } from '../ui/Slider.tsx';
import { posesOf } from './pose-gesture.ts';

function Person({ layer, pose, number }: { layer: Layer; pose: Pose; number: number }) {
  const [index, setIndex] = useState(0);
  const joint = pose.joints[index];
  if (joint === undefined) return null;
  const set = (changes: Partial<typeof joint>): void =>
    performOn('canvas', replaceItem(layer.id, moveJoint(pose, index, changes), 'Pose'));
  const { box } = currentDocument().canvas;
  return (
    <fieldset className="person">
      <legend>Person {number}</legend>
      <Choice
        name="Joint"
        value={String(index)}
        options={jointNames.map((label, at) => ({ value: String(at), label }))}
        onChange={(value) => setIndex(Number(value))}
      />
      <NumberSetting
        name="Across"
        value={joint.x}
        min={box.x}
        max={box.x + box.width}
        onChange={(x) => set({ x })}
        onEnd={sealStep}
      />
      <NumberSetting
        name="Down"
        value={joint.y}
        min={box.y}
        max={box.y + box.height}
        onChange={(y) => set({ y })}
        onEnd={sealStep}
      />
      <div className="layer-actions">
        <label className="check">
          <input
            type="checkbox"
            checked={joint.hidden}
            onChange={(event) => {
              set({ hidden: event.target.checked });
              sealStep();
            }}
          />
          Hidden
        </label>
        <IconButton
          label={`Remove person ${number}`}
          icon={Trash2}
          size={14}
          onClick={() => performOn('canvas', removeItem(layer.id, pose.id))}
        />
      </div>
    </fieldset>
  );
}

async function readFile(layer: Layer, file: File): Promise<void> {
  try {
    const people = readOpenPose(await file.text(), currentDocument().canvas.box);
    if (people.length === 0) tell(`There is nobody in ${file.name}.`);
    else performOn('canvas', addItems(layer.id, people, 'Poses from a file'));
  } catch (error) {
    tellFailure(new Error(`${file.name}: ${error instanceof Error ? error.message : String(error)}`));
  }
}

function chooseFile(layer: Layer): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.json,application/json';
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) void readFile(layer, file);
  });
  input.click();
}

async function save(layer: Layer): Promise<void> {
  const text = writeOpenPose(posesOf(layer), currentDocument().canvas.box);
  const content = new TextEncoder().encode(text);
  const name = await studio.files.save({
    suggested: 'pose.json',
    kind: 'OpenPose file',
    extension: 'json',
    content,
  });
  if (name !== null) tell(`Saved as ${name}.`);
}

export function PosePanel({ layer }: { layer: Layer }) {
  const people = posesOf(layer);
  return (
    <div className="poses" role="group" aria-label="People">
      <p className="hint">Drag joints with the brush; the eraser hides them; Shift moves a whole person.</p>
      <div className="layer-actions">
        <IconButton
          label="Add a person"
          icon={UserPlus}
          size={15}
          onClick={() =>
            performOn('canvas', addItem(layer.id, newPose(currentDocument().canvas.box, people.length)))
          }
        />
        <IconButton
          label="Open an OpenPose file…"
          icon={FileInput}
          size={15}
          onClick={() => chooseFile(layer)}
        />
        <IconButton
          label="Save as an OpenPose file…"
          icon={FileOutput}
          size={15}
          disabled={people.length === 0}
          onClick={() => void save(layer).catch(tellFailure)}
        />
      </div>
      {people.map((pose, at) => (
        <Person key={pose.id} layer={layer} pose={pose} number={at + 1} />
      ))}
    </div>
  );
}
