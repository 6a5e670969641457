// Prompts that were painted, newest first, for Alt+Up and Alt+Down. Kept between starts.
import { create } from 'zustand';

const STORAGE = 'sluice.prompts';
const MANY = 100;

function kept(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(STORAGE) ?? '[]');
    return Array.isArray(list) ? list.filter((text) => typeof text === 'string').slice(0, MANY) : [];
  } catch {
    return []; // settings heal
  }
}

interface PromptHistory {
  prompts: readonly string[];
  at: number; // which one is shown; -1: what is being written
  remember(prompt: string): void;
  step(by: number): string | undefined;
}

export const usePromptHistory = create<PromptHistory>()((set, get) => ({
  prompts: kept(),
  at: -1,
  remember: (prompt) => {
    const prompts = [prompt, ...get().prompts.filter((other) => other !== prompt)].slice(0, MANY);
    set({ prompts, at: 0 });
    localStorage.setItem(STORAGE, JSON.stringify(prompts));
  },
  step: (by) => {
    const { prompts, at } = get();
    const next = Math.min(prompts.length - 1, Math.max(-1, at + by));
    set({ at: next });
    return next < 0 ? undefined : prompts[next];
  },
}));
