// System prompt and sampling under a name, kept between starts: some that come with the studio and a person's own.
import { create } from 'zustand';
import { z } from 'zod';
import { defaultSettings, talkSettings, type TalkSettings } from '../core/chat/model.ts';

const STORAGE = 'sluice.chat-presets';

export const presetSettings = talkSettings.pick({
  system: true,
  temperature: true,
  topP: true,
  maxTokens: true,
});
export type PresetSettings = z.infer<typeof presetSettings>;
const preset = z.object({ name: z.string().min(1).max(60), settings: presetSettings });
export type Preset = z.infer<typeof preset>;

const { system, temperature, topP, maxTokens } = defaultSettings;
export const builtIn: readonly Preset[] = [
  { name: 'Plain', settings: { system, temperature, topP, maxTokens } },
  {
    name: 'Prompt writer',
    settings: {
      system:
        'You write prompts for a picture model. Answer with one sentence that names subject, place, light and style.',
      temperature: 0.9,
      topP: 0.95,
      maxTokens: 160,
    },
  },
  {
    name: 'Precise',
    settings: { system: 'Answer briefly and to the point.', temperature: 0.1, topP: 0.9, maxTokens: 512 },
  },
];

function kept(): Preset[] {
  try {
    const list = z.array(preset).safeParse(JSON.parse(localStorage.getItem(STORAGE) ?? '[]'));
    return list.success ? list.data : [];
  } catch {
    return []; // settings heal
  }
}

export const usePresets = create<{ own: readonly Preset[] }>()(() => ({ own: kept() }));

function keep(own: readonly Preset[]): void {
  usePresets.setState({ own });
  localStorage.setItem(STORAGE, JSON.stringify(own));
}

const isBuiltIn = (name: string): boolean => builtIn.some((each) => each.name === name);

export function savePreset(name: string, settings: PresetSettings): void {
  const free = isBuiltIn(name) ? `${name} (mine)` : name;
  const { own } = usePresets.getState();
  keep([
    ...own.filter((each) => each.name !== free),
    { name: free, settings: presetSettings.parse(settings) },
  ]);
}

export const removePreset = (name: string): void =>
  keep(usePresets.getState().own.filter((each) => each.name !== name));

// The preset whose settings these are.
export function presetOf(settings: TalkSettings, own: readonly Preset[]): Preset | undefined {
  return [...own, ...builtIn].find((each) =>
    (Object.keys(each.settings) as (keyof PresetSettings)[]).every(
      (key) => each.settings[key] === settings[key],
    ),
  );
}
