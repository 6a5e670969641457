// "<lora:NAME:0.8>" in a prompt, as A1111's web UI has it. Without a number the strength is 1.
const tag = /<lora:([^:<>]+)(?::([+-]?(?:\d+\.?\d*|\.\d+)))?>/g;

export interface LoraTag {
  readonly name: string;
  readonly strength: number;
}

export const loraTags = (prompt: string): LoraTag[] =>
  [...prompt.matchAll(tag)].map(([, name = '', strength]) => ({
    name,
    strength: strength === undefined ? 1 : Number(strength),
  }));

export const writeTag = ({ name, strength }: LoraTag): string => `<lora:${name}:${strength}>`;

// The prompt as the text encoder is to read it.
export const withoutTags = (prompt: string): string => prompt.replace(tag, '');

// The prompt with this LoRA at this strength, in its place or at the end; null takes it away.
export function withTag(prompt: string, name: string, strength: number | null): string {
  const written = strength === null ? '' : writeTag({ name, strength });
  if (!loraTags(prompt).some((other) => other.name === name))
    return [prompt.trimEnd(), written].filter((text) => text !== '').join(' ');
  let left = written; // the first stands for all of that name
  const changed = prompt.replace(tag, (whole, other: string) => {
    if (other !== name) return whole;
    const text = left;
    left = '';
    return text;
  });
  return strength === null ? changed.trimEnd() : changed;
}
