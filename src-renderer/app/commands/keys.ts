// Keys as text: what was pressed, and how it is shown.
const isMac = navigator.userAgent.includes('Mac');

const named: Record<string, string> = { ' ': 'Space', '+': 'Plus' };

// "Mod+Shift+Z" of a key event. Letters and digits by their place where Shift changes what they give.
export function keyOf(event: KeyboardEvent): string {
  const mod = isMac ? event.metaKey : event.ctrlKey;
  let key = named[event.key] ?? event.key;
  if (/^Digit\d$/.test(event.code)) key = event.code.slice(5);
  else if (key.length === 1) key = key.toUpperCase();
  return [mod ? 'Mod' : '', event.altKey ? 'Alt' : '', event.shiftKey ? 'Shift' : '', key]
    .filter(Boolean)
    .join('+');
}

export const normalizeKey = (key: string): string => {
  const parts = key.split('+');
  const last = parts.pop() ?? '';
  const order = ['Mod', 'Alt', 'Shift'].filter((modifier) => parts.includes(modifier));
  return [...order, last.length === 1 ? last.toUpperCase() : last].join('+');
};

const symbols: Record<string, string> = isMac
  ? { Mod: '⌘', Shift: '⇧', Alt: '⌥', Enter: '↩', ArrowUp: '↑', ArrowDown: '↓' }
  : { Mod: 'Ctrl', ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' };

export const showKey = (key: string): string =>
  key
    .split('+')
    .map((part) => symbols[part] ?? part)
    .join(isMac ? '' : '+');

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  return (
    target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type)
  );
}

// Keys that move within or press a focused control are that control's.
const controlKeys = new Set([
  'Space',
  'Enter',
  'ArrowUp',
  'ArrowDown',
  'ArrowLeft',
  'ArrowRight',
  'Tab',
  'Escape',
]);

export function belongsToControl(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement) || !controlKeys.has(key)) return false;
  return (
    target.closest(
      'button, a, input, select, [role="slider"], [role="menu"], [role="tab"], [role="option"], [role="separator"]',
    ) !== null
  );
}
