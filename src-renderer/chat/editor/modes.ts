// How the three notations of grammars are coloured. Errors come from the compiler (lint.ts), not from here.
import { json } from '@codemirror/lang-json';
import { HighlightStyle, StreamLanguage, type StreamParser, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { tags } from '@lezer/highlight';
import type { GrammarKind } from '../../../src-preload/contract/grammar.ts';

interface State {
  set: boolean; // within [ ]
}

function grammarParser(comment: RegExp, defines: RegExp): StreamParser<State> {
  return {
    startState: () => ({ set: false }),
    token(stream, state) {
      if (state.set) {
        if (stream.match(/^(\\.|[^\]\\])+/)) return 'regexp';
        if (stream.eat(']')) state.set = false;
        else stream.next(); // a backslash at the line's end
        return 'regexp';
      }
      if (stream.eatSpace()) return null;
      if (stream.match(comment)) return 'comment';
      if (stream.match(/^"(\\.|[^"\\])*"?i?/)) return 'string';
      if (stream.match(/^\/(?!\/)(\\.|[^/\\])+\/[imslux]*/)) return 'regexp';
      if (stream.eat('[')) {
        state.set = true;
        return 'regexp';
      }
      if (stream.match(defines)) return 'operator';
      if (stream.match(/^%[a-z_]+/)) return 'keyword';
      if (stream.match(/^\{\d*,?\d*\}/) || stream.match(/^[|*+?~()]/)) return 'operator';
      if (stream.match(/^<[^>\s]+>/)) return 'atom';
      if (stream.match(/^[A-Za-z_][\w-]*/))
        return /^\s*(::=|:)/.test(stream.string.slice(stream.pos)) ? 'definition' : 'variableName';
      stream.next();
      return null;
    },
    tokenTable: { definition: tags.definition(tags.variableName) },
  };
}

const gbnf = StreamLanguage.define(grammarParser(/^#.*/, /^::=/));
const lark = StreamLanguage.define(grammarParser(/^(\/\/|#).*/, /^(->|:)/));

const colours = HighlightStyle.define([
  { tag: tags.comment, class: 'tok-comment' },
  { tag: [tags.string, tags.propertyName], class: 'tok-string' },
  { tag: tags.regexp, class: 'tok-regexp' },
  { tag: [tags.keyword, tags.bool, tags.null, tags.atom], class: 'tok-keyword' },
  { tag: tags.number, class: 'tok-number' },
  { tag: tags.definition(tags.variableName), class: 'tok-definition' },
  { tag: tags.operator, class: 'tok-operator' },
]);

const languages: Record<GrammarKind, () => Extension> = {
  gbnf: () => gbnf,
  lark: () => lark,
  'json-schema': () => json(),
};

export const modeOf = (kind: GrammarKind): Extension => [languages[kind](), syntaxHighlighting(colours)];
