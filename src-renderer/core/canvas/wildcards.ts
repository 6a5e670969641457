// "{red|green|blue} boat": one of several, chosen by the seed, so that a seed gives its picture again. They nest; an
// empty choice is a choice; "\{" is a brace.
const MAX_LENGTH = 20_000;

// mulberry32: 32 bits of state are plenty to choose words by.
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const hasWildcards = (prompt: string): boolean => /(^|[^\\])\{[^{}]*\|/.test(prompt);

export function chooseWildcards(prompt: string, seed: number): string {
  const random = generator(seed);
  let text = prompt.slice(0, MAX_LENGTH);
  // The innermost ones first. Braces without a choice are words, and are set aside like the escaped ones.
  const aside: Record<string, string> = { '\\{': '\u0001', '\\}': '\u0002', '\\|': '\u0003' };
  text = text.replace(/\\[{}|]/g, (found) => aside[found] ?? found);
  for (let inner = /\{([^{}]*)\}/.exec(text); inner !== null; inner = /\{([^{}]*)\}/.exec(text)) {
    const choices = (inner[1] ?? '').split('|');
    const chosen =
      choices.length === 1
        ? `\u0004${choices[0] ?? ''}\u0005`
        : (choices[Math.floor(random() * choices.length)] ?? '');
    text = text.slice(0, inner.index) + chosen + text.slice(inner.index + inner[0].length);
  }
  const back: Record<string, string> = {
    '\u0001': '{',
    '\u0002': '}',
    '\u0003': '|',
    '\u0004': '{',
    '\u0005': '}',
  };
  // eslint-disable-next-line no-control-regex -- the marks that were set above
  return text.replace(/[\u0001-\u0005]/g, (mark) => back[mark] ?? mark);
}
