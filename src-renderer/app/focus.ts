import { flushSync } from 'react-dom';

// Focuses a field by its `data-field` when what was changed before is on the page, and at once: the next key that is
// pressed is the field's, however busy the window is. Again with the next frame, for a pane that comes with it and for a
// menu that gives the focus back when it closes.
export function focusField(name: string): void {
  const focus = () => document.querySelector<HTMLElement>(`[data-field="${name}"]`)?.focus();
  flushSync(() => undefined);
  focus();
  requestAnimationFrame(focus);
}
