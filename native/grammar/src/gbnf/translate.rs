//! GBNF as Lark for llguidance, to judge texts by.
//!
//! Every terminal is one character. llguidance's lexer takes the longest terminal, while GBNF knows no terminals at
//! all: with longer ones `"a" "b" | "ab" "c"` would read "ab" in one way only. The server is given the GBNF itself.

use std::fmt::Write;

use super::{Gbnf, Node};

/// A Lark grammar that accepts exactly the same texts.
pub fn to_lark(grammar: &Gbnf) -> String {
    let mut writer = Writer { out: String::new(), groups: Vec::new() };
    let _ = writeln!(writer.out, "%llguidance {{}}\nstart: r{}", grammar.root);
    for (index, rule) in grammar.rules.iter().enumerate() {
        let body = writer.alternatives(&rule.body);
        let _ = writeln!(writer.out, "r{index}: {body}");
    }
    // A group's own groups are added while it is written.
    let mut next = 0;
    while next < writer.groups.len() {
        let node = writer.groups[next].clone();
        let body = writer.alternatives(&node);
        let _ = writeln!(writer.out, "g{next}: {body}");
        next += 1;
    }
    writer.out
}

struct Writer {
    out: String,
    groups: Vec<Node>, // nested choices and sequences: llguidance limits how deep brackets nest
}

impl Writer {
    fn alternatives(&mut self, node: &Node) -> String {
        match node {
            Node::Choice(options) => {
                options.iter().map(|option| self.sequence(option)).collect::<Vec<_>>().join(" | ")
            }
            other => self.sequence(other),
        }
    }

    fn sequence(&mut self, node: &Node) -> String {
        match node {
            Node::Sequence(items) if !items.is_empty() => {
                items.iter().map(|item| self.item(item)).collect::<Vec<_>>().join(" ")
            }
            other => self.item(other),
        }
    }

    fn group(&mut self, node: &Node) -> String {
        self.groups.push(node.clone());
        format!("g{}", self.groups.len() - 1)
    }

    fn item(&mut self, node: &Node) -> String {
        match node {
            Node::Sequence(items) if items.is_empty() => "\"\"".into(),
            Node::Choice(_) | Node::Sequence(_) => self.group(node),
            Node::Literal(text) => {
                text.chars().map(|c| class(false, &[(c, c)])).collect::<Vec<_>>().join(" ")
            }
            Node::Class { negated, ranges } => class(*negated, ranges),
            Node::Any => "/(?s:.)/".into(),
            Node::Reference(index) => format!("r{index}"),
            Node::Repeat { max: Some(0), .. } => "\"\"".into(),
            Node::Repeat { inner, min, max, .. } => {
                // The operator takes one symbol.
                let symbol = match &**inner {
                    Node::Class { .. } | Node::Any | Node::Reference(_) => self.item(inner),
                    other => self.group(other),
                };
                match (min, max) {
                    (0, None) => format!("{symbol}*"),
                    (1, None) => format!("{symbol}+"),
                    (0, Some(1)) => format!("{symbol}?"),
                    (min, None) => format!("{symbol}{{{min},}}"),
                    (min, Some(max)) => format!("{symbol}{{{min},{max}}}"),
                }
            }
        }
    }
}

fn class(negated: bool, ranges: &[(char, char)]) -> String {
    let mut out = String::from(if negated { "/[^" } else { "/[" });
    for (low, high) in ranges {
        let _ = write!(out, "\\x{{{:x}}}-\\x{{{:x}}}", *low as u32, *high as u32);
    }
    out.push_str("]/");
    out
}
