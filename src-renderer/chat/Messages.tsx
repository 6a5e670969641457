// The conversation from its beginning to its end; follows what comes as long as its end is in sight.
import { useEffect, useRef } from 'react';
import type { Conversation, Message } from '../core/chat/model.ts';
import { useStreams } from './asking.ts';
import { MessageView } from './MessageView.tsx';
import { Welcome } from './Welcome.tsx';

const NEAR = 80; // pixels from the end

function useFollow(key: string, empty: boolean): React.RefObject<HTMLDivElement | null> {
  const box = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    near.current = !empty; // the first words are read from the top
    element.scrollTop = empty ? 0 : element.scrollHeight;
    const onScroll = (): void => {
      near.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    };
    const follow = (): void => {
      if (near.current) element.scrollTop = element.scrollHeight;
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    const observer = new ResizeObserver(follow);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    const leave = useStreams.subscribe(() => requestAnimationFrame(follow));
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
      leave();
    };
  }, [key, empty]);
  return box;
}

export function Messages({ talk, path }: { talk: Conversation | undefined; path: readonly Message[] }) {
  const box = useFollow(`${talk?.id ?? ''}:${path.at(-1)?.id ?? ''}`, path.length === 0);
  return (
    <div className="messages" ref={box} tabIndex={0} role="log" aria-label="Messages">
      {talk === undefined || path.length === 0 ? (
        <Welcome />
      ) : (
        <ol className="message-list">
          {path.map((message) => (
            <MessageView key={message.id} talk={talk} message={message} />
          ))}
        </ol>
      )}
    </div>
  );
}
