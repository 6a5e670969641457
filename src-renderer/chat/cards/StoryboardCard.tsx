import type { Storyboard } from '../../../src-preload/contract/answers/storyboard.ts';
import { performOn, sealStep } from '../../app/document.ts';
import { tell } from '../../app/notices.ts';
import { setForm } from '../../core/canvas/actions.ts';

export function StoryboardCard({ storyboard: { title, panels } }: { storyboard: Storyboard }) {
  return (
    <div className="card" role="group" aria-label="Storyboard">
      <p className="card-words">{title}</p>
      <ol className="panels">
        {panels.map(({ shot, caption, prompt, negative, seconds }, index) => (
          <li key={index} className="panel">
            <p>
              <strong>{caption}</strong>
            </p>
            <p className="hint">
              {shot}, {seconds} s
            </p>
            <p>{prompt}</p>
            <button
              type="button"
              className="button"
              onClick={() => {
                performOn('canvas', setForm({ prompt, negative }));
                sealStep();
                tell(`Panel ${index + 1} is the canvas’s prompt now.`);
              }}
            >
              Use as prompt
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
