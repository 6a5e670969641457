// All conversations of the project, found by their words.
import { Pencil, Trash2 } from 'lucide-react';
import { performOn, sealStep, usePart } from '../app/document.ts';
import { renameTalk } from '../core/chat/actions.ts';
import { type Conversation, searchTalks, titleOf } from '../core/chat/model.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { deleteTalk } from './talks.ts';
import { showTalk, useChatView } from './view.ts';

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

function Rename({ talk }: { talk: Conversation }) {
  const end = (title: string | null): void => {
    if (useChatView.getState().renaming !== talk.id) return;
    useChatView.setState({ renaming: null });
    if (title !== null) performOn('chat', renameTalk(talk.id, title));
    sealStep();
  };
  return (
    <input
      className="field"
      aria-label="Title of the conversation"
      autoFocus
      defaultValue={titleOf(talk)}
      onFocus={(event) => event.target.select()}
      onBlur={(event) => end(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') end(event.currentTarget.value);
        if (event.key === 'Escape') end(null);
      }}
    />
  );
}

function Row({ talk, open }: { talk: Conversation; open: boolean }) {
  const renaming = useChatView((state) => state.renaming === talk.id);
  const title = titleOf(talk);
  if (renaming) {
    return (
      <li className="talk">
        <Rename talk={talk} />
      </li>
    );
  }
  return (
    <li className={`talk ${open ? 'talk-open' : ''}`}>
      <button
        type="button"
        className="talk-choose"
        {...(open ? { 'aria-current': 'true' as const } : {})}
        onClick={() => showTalk(talk.id)}
      >
        <span className="talk-title">{title}</span>
        <span className="talk-time">{day.format(talk.time)}</span>
      </button>
      <IconButton
        label={`Rename ${title}`}
        icon={Pencil}
        size={13}
        onClick={() => useChatView.setState({ renaming: talk.id })}
      />
      <IconButton label={`Delete ${title}`} icon={Trash2} size={13} onClick={() => deleteTalk(talk.id)} />
    </li>
  );
}

export function SideBar() {
  const chat = usePart('chat');
  const { search, open } = useChatView();
  const found = searchTalks(chat, search);
  return (
    <nav className="chat-side" aria-label="Conversations">
      <input
        className="field"
        type="search"
        data-field="chat-search"
        aria-label="Search conversations"
        placeholder="Search conversations…"
        value={search}
        onChange={(event) => useChatView.setState({ search: event.target.value })}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key === 'Enter' && first !== undefined) showTalk(first.id);
          if (event.key === 'Escape') useChatView.setState({ search: '' });
        }}
      />
      {found.length === 0 ? (
        <p className="hint">{search === '' ? 'Nothing was said yet.' : 'No conversation has these words.'}</p>
      ) : (
        <ul>
          {found.map((talk) => (
            <Row key={talk.id} talk={talk} open={talk.id === open} />
          ))}
        </ul>
      )}
    </nav>
  );
}
