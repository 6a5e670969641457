// Short messages to the person: what failed and what to do, what was done.
import { create } from 'zustand';
import { asSluiceError } from '../../src-preload/contract/errors.ts';

export interface Notice {
  readonly id: number;
  readonly tone: 'info' | 'error';
  readonly text: string;
  readonly hint: string;
}

export const useNotices = create<{ notices: readonly Notice[] }>()(() => ({ notices: [] }));

const STAY_MS = 6000;
let lastId = 0;

// Messages of the engine and of commands begin small, as on a command line.
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export const dismiss = (id: number): void =>
  useNotices.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) }));

export function tell(text: string, tone: Notice['tone'] = 'info', hint = ''): void {
  const id = ++lastId;
  useNotices.setState(({ notices }) => ({
    notices: [...notices.slice(-3), { id, tone, text: sentence(text), hint }],
  }));
  if (tone === 'info') setTimeout(() => dismiss(id), STAY_MS);
}

export function tellFailure(thrown: unknown): void {
  const { message, hint } = asSluiceError(thrown);
  tell(message, 'error', hint);
}
