// A change that is proposed and not taken yet. Panes show what of it is theirs over what is there.
import { create } from 'zustand';
import type { StudioDocument } from '../core/document.ts';

export interface Ghost {
  readonly id: string;
  next(document: StudioDocument): StudioDocument; // as it would be, always the same for the same document
  accept(): void;
  refuse(): void;
}

export const useGhost = create<{ ghost: Ghost | null }>()(() => ({ ghost: null }));
export const setGhost = (ghost: Ghost | null): void => useGhost.setState({ ghost });
