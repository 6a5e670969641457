// The open project's name, and whether its file has every change.
import { create } from 'zustand';

export const useProject = create<{ name: string; saved: boolean }>()(() => ({
  name: 'Untitled',
  saved: true,
}));
