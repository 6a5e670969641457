// Light, dark, or as the system has it.
import { create } from 'zustand';
import { themeChoice, type ThemeChoice } from '../../src-preload/contract/app.ts';
import { tellFailure } from './notices.ts';
import { studio } from './studio.ts';

const STORAGE = 'sluice.theme';

const kept = themeChoice.safeParse(localStorage.getItem(STORAGE));
export const useTheme = create<{ choice: ThemeChoice }>()(() => ({
  choice: kept.success ? kept.data : 'system',
}));

export function setTheme(choice: ThemeChoice): void {
  useTheme.setState({ choice });
  localStorage.setItem(STORAGE, choice);
  studio.app.setTheme(choice).catch(tellFailure);
}

// The page follows the main process's choice through prefers-color-scheme.
export const applyKeptTheme = (): void => setTheme(useTheme.getState().choice);
