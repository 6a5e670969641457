// Which of the shell's dialogs is open.
import { create } from 'zustand';

export type ShellDialog = 'palette' | 'shortcuts';

export const useDialogs = create<{ open: ShellDialog | null }>()(() => ({ open: null }));
export const openDialog = (open: ShellDialog | null): void => useDialogs.setState({ open });
