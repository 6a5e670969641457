import type { Scene } from '../../../src-preload/contract/answers/scene.ts';
import type { Conversation, Message } from '../../core/chat/model.ts';
import { sceneActions } from '../../core/proposals/proposal.ts';
import { Decide } from './Decide.tsx';
import { Sketch } from './Sketch.tsx';

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

interface Props {
  talk: Conversation;
  message: Message;
  scene: Scene;
}

export function SceneCard({ talk, message, scene }: Props) {
  const { prompt, negative, shapes, strokes, figures } = scene;
  const parts = [
    plural(shapes.length, 'shape'),
    plural(strokes.length, 'stroke'),
    plural(figures.length, 'figure'),
  ].join(', ');
  return (
    <div className="card" role="group" aria-label="Scene">
      <Sketch actions={sceneActions(scene)} label={`Sketch of the scene: ${parts}`} />
      <p className="card-words">{prompt}</p>
      {negative !== '' && <p className="hint">Without: {negative}</p>}
      <p className="hint">{parts}</p>
      <Decide talk={talk} message={message} />
    </div>
  );
}
