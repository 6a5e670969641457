import { lazy, Suspense, useEffect } from 'react';
import { usePart } from '../app/document.ts';
import { shownPath } from '../core/chat/model.ts';
import { ChatComposer } from './ChatComposer.tsx';
import { ChatHeader } from './ChatHeader.tsx';
import { Messages } from './Messages.tsx';
import { ServerNote } from './ServerNote.tsx';
import { SettingsPanel } from './SettingsPanel.tsx';
import { SideBar } from './SideBar.tsx';
import { setGhost } from '../app/ghost.ts';
import { openTalk, useChatView } from './view.ts';

// It brings an editor of its own, which few starts need.
const GrammarEditor = lazy(() =>
  import('./GrammarEditor.tsx').then(({ GrammarEditor: Component }) => ({ default: Component })),
);

export function ChatPane() {
  const chat = usePart('chat');
  const { open, side, settings, editor } = useChatView();
  const talk = openTalk(chat, open);
  // A ghost belongs to what is shown.
  useEffect(() => () => setGhost(null), [open]);
  return (
    <div className={`chat ${side ? 'chat-with-side' : ''}`}>
      {side && <SideBar />}
      <div className="chat-main">
        <ChatHeader talk={talk} />
        {settings && <SettingsPanel />}
        <Messages talk={talk} path={talk === undefined ? [] : shownPath(talk)} />
        <ServerNote />
        <ChatComposer talk={talk} />
      </div>
      {editor !== null && (
        <Suspense fallback={null}>
          <GrammarEditor name={editor} />
        </Suspense>
      )}
    </div>
  );
}
