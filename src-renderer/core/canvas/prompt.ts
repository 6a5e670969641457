// Weights in a prompt, as A1111 writes them: (red hat:1.2).
export interface Selection {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const MIN_WEIGHT = 0.1;
const MAX_WEIGHT = 3;
const wordAround = /[^\s,()]/;

// Changes the weight of the selection, or of the word at the caret. Null where there is nothing to weigh.
export function weightSelection(text: string, start: number, end: number, by: number): Selection | null {
  let [from, to] = [start, end];
  if (from === to) {
    while (from > 0 && wordAround.test(text[from - 1] ?? '')) from--;
    while (to < text.length && wordAround.test(text[to] ?? '')) to++;
    if (text.slice(from, to).includes(':')) to = from + text.slice(from, to).indexOf(':');
  }
  if (from >= to) return null;
  const inner = text.slice(from, to);
  const weighed = /^:(\d+(?:\.\d+)?)\)/.exec(text.slice(to));
  const inside = text[from - 1] === '(' && weighed !== null;
  const weight = Math.round((inside ? Number(weighed[1]) : 1) * 10 + by * 10) / 10;
  if (weight < MIN_WEIGHT || weight > MAX_WEIGHT) return null;
  const before = text.slice(0, inside ? from - 1 : from);
  const after = text.slice(inside ? to + weighed[0].length : to);
  if (weight === 1)
    return { text: before + inner + after, start: before.length, end: before.length + inner.length };
  const begin = before.length + 1;
  return { text: `${before}(${inner}:${weight})${after}`, start: begin, end: begin + inner.length };
}
