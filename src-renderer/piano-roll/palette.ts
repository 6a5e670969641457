// The theme's colours as a canvas takes them: custom properties are resolved by the page itself.
export interface Palette {
  readonly surface: string;
  readonly raised: string;
  readonly row: string;
  readonly cursor: string;
  readonly line: string;
  readonly gridLine: string;
  readonly barLine: string;
  readonly text: string;
  readonly muted: string;
  readonly note: readonly string[]; // by velocity, in steps of 16
  readonly ghost: readonly string[];
  readonly proposal: readonly string[];
  readonly onNote: string;
  readonly chosen: string;
  readonly onChosen: string;
  readonly loop: string;
  readonly whiteKey: string;
  readonly blackKey: string;
  readonly keyLine: string;
  readonly keyText: string;
}

const steps = (colour: (part: number) => string): string[] =>
  Array.from({ length: 8 }, (_, index) => colour(index / 7));

export function palette(element: HTMLElement): Palette {
  const probe = document.createElement('i');
  element.append(probe);
  const resolve = (colour: string): string => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  };
  const mix = (a: string, b: string, part: number): string =>
    resolve(`color-mix(in oklab, ${a} ${Math.round(part * 100)}%, ${b})`);
  const made: Palette = {
    surface: resolve('var(--surface)'),
    raised: resolve('var(--raised)'),
    row: resolve('light-dark(rgb(40 34 20 / 6%), rgb(0 0 0 / 24%))'),
    cursor: mix('var(--accent)', 'transparent', 0.1),
    line: resolve('var(--line)'),
    gridLine: resolve('light-dark(rgb(40 34 20 / 6%), rgb(255 255 255 / 4%))'),
    barLine: resolve('light-dark(#b3aea5, #4a4f57)'),
    text: resolve('var(--text)'),
    muted: resolve('var(--muted)'),
    note: steps((part) => mix('light-dark(#0b6b66, #3cc4b6)', 'var(--surface)', 0.5 + part * 0.5)),
    ghost: steps((part) => mix('var(--muted)', 'transparent', 0.14 + part * 0.16)),
    proposal: steps((part) => mix('light-dark(#7a4bd6, #b493ff)', 'var(--surface)', 0.5 + part * 0.4)),
    onNote: resolve('light-dark(#ffffff, #062a27)'),
    chosen: resolve('light-dark(#c2541b, #ffb36b)'),
    onChosen: resolve('light-dark(#ffffff, #3a1c00)'),
    loop: mix('var(--accent)', 'transparent', 0.28),
    whiteKey: resolve('light-dark(#ffffff, #c9ccd1)'),
    blackKey: resolve('light-dark(#34363a, #26282d)'),
    keyLine: resolve('light-dark(#d9d6d0, #9a9ea6)'),
    keyText: resolve('light-dark(#5d5a55, #34373c)'),
  };
  probe.remove();
  return made;
}
