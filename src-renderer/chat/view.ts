// What the chat's window shows. Not part of the document: none of it is undone or saved with the project.
import { create } from 'zustand';
import { focusField } from '../app/focus.ts';
import { currentDocument } from '../app/document.ts';
import { type ChatDocument, type Conversation, searchTalks } from '../core/chat/model.ts';

export interface GrammarDraft {
  name: string; // of the one that is being edited
}

interface ChatView {
  open: string | null; // a conversation; null: a new one that has nothing in it yet
  side: boolean; // the list of conversations
  search: string;
  settings: boolean;
  renaming: string | null; // a conversation
  editing: string | null; // a message
  editor: string | null; // the grammar that is edited; '': the editor without one
  drafts: Readonly<Record<string, string>>; // what is being written, by conversation
}

export const useChatView = create<ChatView>()(() => ({
  open: null,
  side: false,
  search: '',
  settings: false,
  renaming: null,
  editing: null,
  editor: null,
  drafts: {},
}));

export const NEW = ''; // the draft of a conversation that is not begun

// The open conversation, if it is (still) there.
export const openTalk = (
  chat: ChatDocument = currentDocument().chat,
  open: string | null = useChatView.getState().open,
): Conversation | undefined => chat.conversations.find(({ id }) => id === open);

export const showTalk = (id: string | null): void =>
  useChatView.setState({ open: id, editing: null, renaming: null });

// The one after which the next is shown when it is deleted.
export function neighbourOf(id: string): string | null {
  const list = searchTalks(currentDocument().chat, '');
  const at = list.findIndex((talk) => talk.id === id);
  return (list[at + 1] ?? list[at - 1])?.id ?? null;
}

export const setDraft = (id: string | null, text: string): void =>
  useChatView.setState(({ drafts }) => ({ drafts: { ...drafts, [id ?? NEW]: text } }));

export const focusComposer = (): void => focusField('chat');
