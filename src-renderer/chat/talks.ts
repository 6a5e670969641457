// Beginning, renaming and deleting conversations.
import { currentDocument, performOn } from '../app/document.ts';
import { showKey } from '../app/commands/keys.ts';
import { focusField } from '../app/focus.ts';
import { tell } from '../app/notices.ts';
import { layoutCommands } from '../app/shell/layout.ts';
import { titleOf } from '../core/chat/model.ts';
import { removeTalk } from '../core/chat/actions.ts';
import { focusComposer, neighbourOf, openTalk, showTalk, useChatView } from './view.ts';

export function beginNewTalk(): void {
  layoutCommands.show('chat');
  showTalk(null);
  focusComposer();
}

export function deleteTalk(id: string): void {
  const talk = currentDocument().chat.conversations.find((each) => each.id === id);
  if (talk === undefined) return;
  const next = neighbourOf(id);
  performOn('chat', removeTalk(id));
  if (useChatView.getState().open === id) showTalk(next);
  tell(`Deleted “${titleOf(talk)}”. ${showKey('Mod+Z')} brings it back.`);
}

export function renameOpenTalk(): void {
  const talk = openTalk();
  if (talk !== undefined) useChatView.setState({ side: true, renaming: talk.id });
}

export function searchConversations(): void {
  layoutCommands.show('chat');
  useChatView.setState({ side: true });
  focusField('chat-search');
}
