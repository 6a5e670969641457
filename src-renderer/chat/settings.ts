// The settings that count now: the open conversation's, or those that the next one will begin with.
import { create } from 'zustand';
import { recordOn, usePart } from '../app/document.ts';
import { setTalk } from '../core/chat/actions.ts';
import { defaultSettings, talkSettings, type TalkSettings } from '../core/chat/model.ts';
import { openTalk, useChatView } from './view.ts';

const STORAGE = 'sluice.chat-settings';

function kept(): TalkSettings {
  try {
    const found = talkSettings.safeParse(JSON.parse(localStorage.getItem(STORAGE) ?? 'null'));
    return found.success ? { ...found.data, grammar: null } : defaultSettings;
  } catch {
    return defaultSettings; // settings heal
  }
}

interface NewSettings {
  settings: TalkSettings;
  reset(): void; // the grammar belongs to what was just asked
}

export const useNewSettings = create<NewSettings>()((set) => ({
  settings: kept(),
  reset: () => set(({ settings }) => ({ settings: { ...settings, grammar: null, think: false } })),
}));

export const currentSettings = (): TalkSettings => openTalk()?.settings ?? useNewSettings.getState().settings;

export function useSettings(): TalkSettings {
  const chat = usePart('chat');
  const open = useChatView((state) => state.open);
  const settings = useNewSettings((state) => state.settings);
  return openTalk(chat, open)?.settings ?? settings;
}

export function changeSettings(changes: Partial<TalkSettings>): void {
  const talk = openTalk();
  if (talk !== undefined) recordOn('chat', setTalk(talk.id, changes));
  const settings = { ...useNewSettings.getState().settings, ...changes };
  // A grammar is chosen for one conversation; the rest is how a person likes it.
  if (talk === undefined) useNewSettings.setState({ settings });
  localStorage.setItem(STORAGE, JSON.stringify(settings));
}
