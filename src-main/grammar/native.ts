// The addon's part for grammars, as native/addon/grammars.cpp defines it. Only this folder sees it.
import { createRequire } from 'node:module';

// `report` is JSON: a verdict, an explanation, a description, or { problems }.
export interface NativeReply {
  status: number;
  report: string;
}

export interface NativeMade extends NativeReply {
  grammar: NativeGrammar | null;
}

export interface NativeMatcher {
  push(piece: string): NativeReply;
  reset(): void;
  close(): void;
}

export interface NativeGrammar {
  judge(text: string): Promise<NativeReply>;
  explain(options: { examples: number; seed: number }): Promise<NativeReply>;
  lazy(marker: string): Promise<NativeMade>;
  matcher(): NativeMatcher;
}

export interface NativeGrammars {
  compileGrammar(request: { kind: string; text: string; lenient: boolean }): Promise<NativeMade>;
}

export function loadAddon(path: string): NativeGrammars {
  const addon = createRequire(import.meta.url)(path) as Partial<NativeGrammars>;
  if (addon.compileGrammar === undefined)
    throw new Error(`${path} knows no grammars: build it again (npm run build)`);
  return addon as NativeGrammars;
}
