import {
  type StudioAction,
  type StudioActions,
  vocabularyEntry,
} from '../../../src-preload/contract/actions.ts';
import type { Conversation, Message } from '../../core/chat/model.ts';
import { instrumentName } from '../../core/music/gm.ts';
import { Decide } from './Decide.tsx';
import { Sketch } from './Sketch.tsx';

// What an action says beside its title.
function detail(action: StudioAction): string {
  switch (action.action) {
    case 'add-shape':
      return action.shape.shape;
    case 'set-prompt':
      return `“${action.prompt}”${action.negative === '' ? '' : `, without “${action.negative}”`}`;
    case 'set-size':
      return `${action.width * 64} × ${action.height * 64}`;
    case 'paint':
      return `${action.steps} steps${action.count > 1 ? `, ${action.count} pictures` : ''}`;
    case 'transpose':
      return `${action.semitones} semitones`;
    case 'set-tempo':
      return `${action.tempo} a minute`;
    case 'add-track':
      return `${action.drums ? 'drums' : instrumentName(action.instrument)}, ${action.notes.length} notes`;
    case 'add-notes':
      return `${action.notes.length} to track ${action.track}`;
    case 'compose':
      return `${action.events} events`;
    case 'add-stroke':
    case 'add-figure':
    case 'erase-area':
    case 'clear-canvas':
    case 'undo':
    case 'redo':
      return '';
  }
}

interface Props {
  talk: Conversation;
  message: Message;
  answer: StudioActions;
}

export function ActionsCard({ talk, message, answer: { say, actions } }: Props) {
  return (
    <div className="card" role="group" aria-label="Proposed actions">
      <p className="message-text">{say}</p>
      <Sketch actions={actions} label="Sketch of what would be drawn" />
      {actions.length === 0 ? (
        <p className="hint">It proposes nothing.</p>
      ) : (
        <ol className="action-list">
          {actions.map((action, index) => (
            <li key={index}>
              <strong>{vocabularyEntry(action.action).title}</strong> {detail(action)}
            </li>
          ))}
        </ol>
      )}
      <Decide talk={talk} message={message} />
    </div>
  );
}
