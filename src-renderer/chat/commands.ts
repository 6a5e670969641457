// What can be done in the chat by name: menus, palette and shortcuts.
import { registerCommands } from '../app/commands/table.ts';
import { useGhost } from '../app/ghost.ts';
import { stopAnswers, useStreams } from './asking.ts';
import { beginNewTalk, deleteTalk, renameOpenTalk, searchConversations } from './talks.ts';
import { focusComposer, openTalk, useChatView } from './view.ts';
import { layoutCommands } from '../app/shell/layout.ts';

const pane = 'chat';
const isOpen = (): boolean => openTalk() !== undefined;
const hasGhost = (): boolean => useGhost.getState().ghost !== null;

registerCommands([
  {
    id: 'chat.new',
    title: 'New conversation',
    menu: 'Chat',
    keys: ['Mod+Shift+O'],
    whileTyping: true,
    run: beginNewTalk,
  },
  {
    id: 'chat.write',
    title: 'Write to the language model',
    menu: 'Chat',
    run: () => {
      layoutCommands.show(pane);
      focusComposer();
    },
  },
  {
    id: 'chat.search',
    title: 'Search conversations',
    menu: 'Chat',
    pane,
    keys: ['Mod+K'],
    whileTyping: true,
    run: searchConversations,
  },
  {
    id: 'chat.side',
    title: 'Show or hide the conversations',
    menu: 'Chat',
    pane,
    keys: ['Mod+B'],
    whileTyping: true,
    run: () => useChatView.setState(({ side }) => ({ side: !side })),
  },
  {
    id: 'chat.rename',
    title: 'Rename the conversation',
    menu: 'Chat',
    pane,
    keys: ['Mod+Shift+E'],
    whileTyping: true,
    available: isOpen,
    run: renameOpenTalk,
  },
  {
    id: 'chat.delete',
    title: 'Delete the conversation',
    menu: 'Chat',
    pane,
    keys: ['Mod+Shift+D'],
    whileTyping: true,
    available: isOpen,
    run: () => deleteTalk(openTalk()?.id ?? ''),
  },
  {
    id: 'chat.stop',
    title: 'Stop the answer',
    menu: 'Chat',
    pane,
    keys: ['Escape'],
    whileTyping: true,
    available: () => Object.keys(useStreams.getState().streams).length > 0,
    run: stopAnswers,
  },
  {
    id: 'chat.accept',
    title: 'Accept the proposal',
    menu: 'Chat',
    keys: ['Alt+Enter'],
    whileTyping: true,
    available: hasGhost,
    run: () => useGhost.getState().ghost?.accept(),
  },
  {
    id: 'chat.refuse',
    title: 'Refuse the proposal',
    menu: 'Chat',
    keys: ['Alt+Backspace'],
    whileTyping: true,
    available: hasGhost,
    run: () => useGhost.getState().ghost?.refuse(),
  },
  {
    id: 'chat.grammars',
    title: 'Grammars…',
    menu: 'Chat',
    run: () => {
      layoutCommands.show(pane);
      useChatView.setState({ editor: '' });
    },
  },
]);
