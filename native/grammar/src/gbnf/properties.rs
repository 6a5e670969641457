//! Random grammars over a small alphabet: every short text is judged as a plain recogniser of the notation judges it.

use std::collections::BTreeSet;

use super::{Gbnf, Node, check, parse};
use crate::grammar::{Grammar, Kind};
use crate::random::Random;

const ALPHABET: [char; 3] = ['a', 'b', 'é'];
const LONGEST: u32 = 5;

/// Where the node may end when it begins at `start`. Ends, because `check` refuses left recursion.
fn ends(grammar: &Gbnf, node: &Node, text: &[char], start: usize) -> BTreeSet<usize> {
    let one = |fits: bool| if fits { BTreeSet::from([start + 1]) } else { BTreeSet::new() };
    let next = text.get(start).copied();
    match node {
        Node::Choice(options) => {
            options.iter().flat_map(|option| ends(grammar, option, text, start)).collect()
        }
        Node::Sequence(items) => items.iter().fold(BTreeSet::from([start]), |from, item| {
            from.into_iter().flat_map(|at| ends(grammar, item, text, at)).collect()
        }),
        Node::Literal(literal) => {
            let wanted: Vec<char> = literal.chars().collect();
            if text[start..].starts_with(&wanted) {
                BTreeSet::from([start + wanted.len()])
            } else {
                BTreeSet::new()
            }
        }
        Node::Class { negated, ranges } => {
            one(next
                .is_some_and(|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated))
        }
        Node::Any => one(next.is_some()),
        Node::Reference(index) => ends(grammar, &grammar.rules[*index].body, text, start),
        Node::Repeat { inner, min, max, .. } => {
            let mut all = BTreeSet::new();
            let mut from = BTreeSet::from([start]);
            let mut times = 0;
            while !from.is_empty() && times <= text.len() as u64 + min {
                if times >= *min {
                    all.extend(&from);
                }
                if Some(times) == *max {
                    break;
                }
                from = from.into_iter().flat_map(|at| ends(grammar, inner, text, at)).collect();
                times += 1;
            }
            all
        }
    }
}

fn expression(random: &mut Random, depth: usize) -> String {
    let words = ["\"a\"", "\"ab\"", "\"bé\"", "[ab]", "[^a]", ".", "x", "y", "\"\""];
    match random.below(if depth == 0 { 4 } else { 10 }) {
        0..=3 => words[random.below(words.len())].into(),
        4..=5 => format!("{} {}", expression(random, depth - 1), expression(random, depth - 1)),
        6..=7 => format!("({} | {})", expression(random, depth - 1), expression(random, depth - 1)),
        _ => {
            let times = ["*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}"][random.below(7)];
            format!("({}){times}", expression(random, depth - 1))
        }
    }
}

fn texts() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..LONGEST {
        last = last.iter().flat_map(|text| ALPHABET.iter().map(move |c| format!("{text}{c}"))).collect();
        all.extend(last.iter().cloned());
    }
    all
}

#[test]
fn short_texts_are_judged_as_the_notation_says() {
    let mut random = Random::new(11);
    let texts = texts();
    let (mut grammars, mut accepted) = (0, 0);
    while grammars < 60 {
        let mut rule = |name: &str| {
            format!("{name} ::= {} | {}\n", expression(&mut random, 3), expression(&mut random, 2))
        };
        let source = format!("{}{}{}", rule("root"), rule("x"), rule("y"));
        let Ok(plain) = parse(&source) else { continue };
        if !check(&plain, &source).is_empty() {
            continue;
        }
        grammars += 1;
        let grammar = Grammar::compile(Kind::Gbnf, &source, false)
            .unwrap_or_else(|problems| panic!("{source}{problems:?}"));
        let mut matcher = grammar.matcher();
        for text in &texts {
            matcher.reset();
            let said = matcher.push(text).expect("small texts are followed").complete;
            let chars: Vec<char> = text.chars().collect();
            let expected = ends(&plain, &plain.rules[plain.root].body, &chars, 0).contains(&chars.len());
            assert_eq!(said, expected, "{source}{text:?}");
            accepted += usize::from(said);
        }
    }
    assert!(accepted > 1000, "only {accepted} texts were accepted");
}
