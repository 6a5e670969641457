//! What a well-formed grammar may still have wrong: rules that never end, and left recursion, which llama.cpp cannot
//! follow.

use super::{Gbnf, Node};
use crate::place::Place;
use crate::problem::{Code, Problem};

/// Every fault of the kind, in the order of the text.
pub fn check(grammar: &Gbnf, text: &str) -> Vec<Problem> {
    let empty = nullable(grammar);
    let mut problems = endless(grammar, text);
    problems.extend(left_recursion(grammar, &empty, text));
    for rule in &grammar.rules {
        find_endless_repeats(&rule.body, &empty, text, &mut problems);
    }
    problems.sort_by_key(|problem| problem.place);
    problems
}

// Repeats a monotone step until nothing changes any more.
fn fixed_point(grammar: &Gbnf, step: impl Fn(&Node, &[bool]) -> bool) -> Vec<bool> {
    let mut known = vec![false; grammar.rules.len()];
    loop {
        let mut changed = false;
        for (index, rule) in grammar.rules.iter().enumerate() {
            if !known[index] && step(&rule.body, &known) {
                known[index] = true;
                changed = true;
            }
        }
        if !changed {
            return known;
        }
    }
}

// Which rules may stand for nothing.
fn nullable(grammar: &Gbnf) -> Vec<bool> {
    fixed_point(grammar, may_be_empty)
}

fn may_be_empty(node: &Node, known: &[bool]) -> bool {
    match node {
        Node::Choice(options) => options.iter().any(|option| may_be_empty(option, known)),
        Node::Sequence(items) => items.iter().all(|item| may_be_empty(item, known)),
        Node::Literal(_) | Node::Class { .. } | Node::Any => false,
        Node::Reference(index) => known[*index],
        Node::Repeat { inner, min, .. } => *min == 0 || may_be_empty(inner, known),
    }
}

fn can_end(node: &Node, known: &[bool]) -> bool {
    match node {
        Node::Choice(options) => options.iter().any(|option| can_end(option, known)),
        Node::Sequence(items) => items.iter().all(|item| can_end(item, known)),
        Node::Literal(_) | Node::Class { .. } | Node::Any => true,
        Node::Reference(index) => known[*index],
        Node::Repeat { inner, min, .. } => *min == 0 || can_end(inner, known),
    }
}

fn endless(grammar: &Gbnf, text: &str) -> Vec<Problem> {
    let ends = fixed_point(grammar, can_end);
    let never = grammar.rules.iter().zip(ends).filter(|(_, ends)| !ends);
    never
        .map(|(rule, _)| {
            let message =
                format!("No text ever ends \"{}\": every way through it leads back into it.", rule.name);
            Problem::new(Code::Unsatisfiable, Place::of(text, rule.at), message)
        })
        .collect()
}

// The rules that a node may begin with, with nothing before them.
fn left_edges(node: &Node, empty: &[bool], edges: &mut Vec<usize>) {
    match node {
        Node::Choice(options) => options.iter().for_each(|option| left_edges(option, empty, edges)),
        Node::Sequence(items) => {
            for item in items {
                left_edges(item, empty, edges);
                if !may_be_empty(item, empty) {
                    break;
                }
            }
        }
        Node::Reference(index) => edges.push(*index),
        Node::Repeat { inner, .. } => left_edges(inner, empty, edges),
        Node::Literal(_) | Node::Class { .. } | Node::Any => {}
    }
}

fn left_recursion(grammar: &Gbnf, empty: &[bool], text: &str) -> Vec<Problem> {
    let edges: Vec<Vec<usize>> = grammar
        .rules
        .iter()
        .map(|rule| {
            let mut found = Vec::new();
            left_edges(&rule.body, empty, &mut found);
            found.sort_unstable();
            found.dedup();
            found
        })
        .collect();
    let reaches_itself = |start: usize| {
        let mut seen = vec![false; edges.len()];
        let mut open = edges[start].clone();
        while let Some(next) = open.pop() {
            if next == start {
                return true;
            }
            if !std::mem::replace(&mut seen[next], true) {
                open.extend(&edges[next]);
            }
        }
        false
    };
    (0..edges.len())
        .filter(|index| reaches_itself(*index))
        .map(|index| {
            let rule = &grammar.rules[index];
            let message = format!(
                "\"{}\" begins with itself (left recursion), which llama.cpp cannot follow; repeat with '*' or put something before it.",
                rule.name
            );
            Problem::new(Code::Invalid, Place::of(text, rule.at), message)
        })
        .collect()
}

// An unlimited repetition of what may be empty is left recursion in llama.cpp.
fn find_endless_repeats(node: &Node, empty: &[bool], text: &str, problems: &mut Vec<Problem>) {
    match node {
        Node::Choice(items) | Node::Sequence(items) => {
            items.iter().for_each(|item| find_endless_repeats(item, empty, text, problems));
        }
        Node::Repeat { inner, max, at, .. } => {
            if max.is_none() && may_be_empty(inner, empty) {
                let message =
                    "What is repeated without limit here may be empty, which llama.cpp cannot follow.";
                problems.push(Problem::new(Code::Invalid, Place::of(text, *at), message));
            }
            find_endless_repeats(inner, empty, text, problems);
        }
        Node::Literal(_) | Node::Class { .. } | Node::Any | Node::Reference(_) => {}
    }
}
