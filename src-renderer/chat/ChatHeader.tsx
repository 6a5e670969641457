// Which conversation is open and which model answers.
import { MessageSquarePlus, PanelLeft, SlidersHorizontal } from 'lucide-react';
import { showKey } from '../app/commands/keys.ts';
import { runCommand } from '../app/commands/table.ts';
import type { ModelFit } from '../../src-preload/contract/chat.ts';
import { type Conversation, titleOf } from '../core/chat/model.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { useChatStatus } from './queries.ts';
import { changeSettings, useSettings } from './settings.ts';
import { useChatView } from './view.ts';

const fits: Record<ModelFit, string> = {
  fits: 'fits',
  slow: 'slow here',
  'too-large': 'too large',
  unreadable: 'unreadable',
};

function ModelChoice() {
  const models = useChatStatus()?.models ?? [];
  const { model } = useSettings();
  if (models.length === 0) return null;
  const chosen = models.find(({ name }) => name === model) ?? models[0];
  return (
    <select
      className="chat-model"
      aria-label="Language model"
      title={chosen?.why}
      value={chosen?.name}
      onChange={(event) => {
        const found = models.find(({ name }) => name === event.target.value);
        changeSettings({ model: found === undefined || found === models[0] ? null : found.name });
      }}
    >
      {models.map(({ name, fit }) => (
        <option key={name} value={name} disabled={fit === 'too-large' || fit === 'unreadable'}>
          {name} – {fits[fit]}
        </option>
      ))}
    </select>
  );
}

export function ChatHeader({ talk }: { talk: Conversation | undefined }) {
  const { side, settings } = useChatView();
  return (
    <div className="chat-header">
      <IconButton
        label="Conversations"
        hint={showKey('Mod+B')}
        icon={PanelLeft}
        size={15}
        pressed={side}
        onClick={() => runCommand('chat.side')}
      />
      <span className="chat-title">{talk === undefined ? 'New conversation' : titleOf(talk)}</span>
      <ModelChoice />
      <IconButton
        label="System prompt and sampling"
        icon={SlidersHorizontal}
        size={15}
        pressed={settings}
        onClick={() => useChatView.setState({ settings: !settings })}
      />
      <IconButton
        label="New conversation"
        hint={showKey('Mod+Shift+O')}
        icon={MessageSquarePlus}
        size={15}
        onClick={() => runCommand('chat.new')}
      />
    </div>
  );
}
