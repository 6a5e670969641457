// An answer as what it is: a scene, colours, chords, or words.
import type { Conversation, Message } from '../../core/chat/model.ts';
import { answerPart, knownAnswer, pretty } from '../answers.ts';
import { ActionsCard } from './ActionsCard.tsx';
import { ChordsCard } from './ChordsCard.tsx';
import { PaletteCard } from './PaletteCard.tsx';
import { SceneCard } from './SceneCard.tsx';
import { SeedCard } from './SeedCard.tsx';
import { StoryboardCard } from './StoryboardCard.tsx';

interface Props {
  talk: Conversation;
  message: Message;
  coming: boolean;
}

function Card({ talk, message, coming }: Props) {
  const known = coming ? null : knownAnswer(message);
  const { answer } = answerPart(message);
  switch (known?.kind) {
    case 'scene':
      return <SceneCard talk={talk} message={message} scene={known.value} />;
    case 'studio-actions':
      return <ActionsCard talk={talk} message={message} answer={known.value} />;
    case 'palette':
      return <PaletteCard palette={known.value} />;
    case 'chords':
      return <ChordsCard talk={talk} message={message} sheet={known.value} />;
    case 'storyboard':
      return <StoryboardCard storyboard={known.value} />;
    case 'midi-seed':
      return <SeedCard talk={talk} message={message} seed={known.value} />;
    case undefined:
      if (message.grammar === null) return <p className="message-text">{answer}</p>;
      return answer === '' ? null : (
        <pre className="message-code" tabIndex={0}>
          {coming ? answer : pretty(answer)}
        </pre>
      );
  }
}

export function AnswerCard(props: Props) {
  const { thought } = answerPart(props.message);
  return (
    <>
      {thought !== null && thought !== '' && (
        <details className="thought" open={props.coming}>
          <summary>Thought</summary>
          <p className="message-text">{thought}</p>
        </details>
      )}
      <Card {...props} />
    </>
  );
}
