import { MessagesSquare } from 'lucide-react';
import type { Pane } from '../app/pane.ts';
import { followAnswers } from './asking.ts';
import { ChatPane } from './ChatPane.tsx';
import { followChat } from './queries.ts';
import './commands.ts';
import './chat.css';
import './cards.css';
import './grammar.css';

// Answers go on while the pane is hidden.
followAnswers();
followChat();

export const chatPane: Pane = {
  id: 'chat',
  title: 'Chat',
  icon: MessagesSquare,
  place: 1,
  keys: ['Mod+Alt+3'],
  Component: ChatPane,
};
