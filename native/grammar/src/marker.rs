//! Think freely, then follow a grammar: any text up to the first occurrence of a marker, then an answer.

use std::fmt::Write;

use crate::place::Place;
use crate::problem::{Code, Problem};

/// The longest marker, in characters.
pub const MAX_MARKER: usize = 64;
/// How many blanks may stand between the marker and the answer.
pub const GAP: usize = 8;

/// Refuses markers that cannot be looked for.
pub fn check(marker: &str) -> Result<(), Problem> {
    let message = match marker.chars().count() {
        0 => "A marker needs at least one character.".to_string(),
        count if count > MAX_MARKER => {
            format!("A marker has at most {MAX_MARKER} characters, found {count}.")
        }
        _ => return Ok(()),
    };
    Err(Problem::new(Code::Invalid, Place::NONE, message))
}

/// A Lark grammar (or, with `json`, a schema) behind a marker. `gap`: blanks may stand between.
pub fn lark(marker: &str, inner: &str, json: bool, gap: bool) -> String {
    let literal = serde_json::Value::from(marker).to_string();
    let gap = if gap { format!("/[ \\t\\r\\n]{{0,{GAP}}}/ ") } else { String::new() };
    let answer = if json { format!("%json {inner}") } else { format!("%lark {{\n{inner}\n}}") };
    format!(
        "%llguidance {{}}\nstart: sluice-thought {gap}sluice-answer\n\
         sluice-thought[suffix={literal}]: /(?s:.*)/\nsluice-answer: {answer}\n"
    )
}

/// GBNF behind a marker, for llama.cpp's own engine. A rule a state of the automaton that looks for the marker: every
/// character has one way to go, so that thinking costs no ambiguity.
pub fn gbnf(marker: &str, inner: &str, gap: bool) -> String {
    let wanted: Vec<char> = marker.chars().collect();
    let mut letters = wanted.clone();
    letters.sort_unstable();
    letters.dedup();
    let gap = if gap { format!("[ \\t\\r\\n]{{0,{GAP}}} ") } else { String::new() };
    let mut out = format!("root ::= sluice-thought-0 {gap}sluice-answer\n");
    for state in 0..wanted.len() {
        let _ = write!(out, "sluice-thought-{state} ::= ");
        for letter in &letters {
            let next = follow(&wanted, state, *letter);
            let _ = write!(out, "[{}]", escaped(*letter));
            if next < wanted.len() {
                let _ = write!(out, " sluice-thought-{next}");
            }
            out.push_str(" | ");
        }
        let others: String = letters.iter().map(|letter| escaped(*letter)).collect();
        let _ = writeln!(out, "[^{others}] sluice-thought-0");
    }
    out.push_str(&renamed_root(inner));
    out
}

/// Where the search for `wanted` stands after `state` characters of it and then `letter`.
fn follow(wanted: &[char], state: usize, letter: char) -> usize {
    let mut seen = wanted[..state].to_vec();
    seen.push(letter);
    (0..=seen.len().min(wanted.len())).rev().find(|length| seen.ends_with(&wanted[..*length])).unwrap_or(0)
}

fn escaped(c: char) -> String {
    format!("\\U{:08X}", c as u32)
}

/// The grammar with its rule `root` called `sluice-answer`; texts, classes and comments stay as they are.
fn renamed_root(gbnf: &str) -> String {
    let mut out = String::with_capacity(gbnf.len() + 64);
    let mut chars = gbnf.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let closing = match c {
            '"' => '"',
            '[' => ']',
            '#' => '\n',
            c if c.is_ascii_alphanumeric() || c == '-' => {
                let mut end = start + 1;
                while let Some((at, next)) =
                    chars.peek().copied().filter(|(_, c)| c.is_ascii_alphanumeric() || *c == '-')
                {
                    end = at + next.len_utf8();
                    chars.next();
                }
                let name = &gbnf[start..end];
                out.push_str(if name == "root" { "sluice-answer" } else { name });
                continue;
            }
            other => {
                out.push(other);
                continue;
            }
        };
        out.push(c);
        while let Some((_, inside)) = chars.next() {
            out.push(inside);
            if inside == '\\' && closing != '\n' {
                out.extend(chars.next().map(|(_, escaped)| escaped));
            } else if inside == closing {
                break;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_rules_only() {
        let inner = "root ::= \"root\" [root] other-root # root\nother-root ::= \"\\\"root\" root";
        assert_eq!(
            renamed_root(inner),
            "sluice-answer ::= \"root\" [root] other-root # root\nother-root ::= \"\\\"root\" sluice-answer"
        );
    }

    #[test]
    fn finds_overlapping_markers() {
        let wanted: Vec<char> = "aab".chars().collect();
        assert_eq!(follow(&wanted, 2, 'a'), 2); // "aaa" still ends with "aa"
        assert_eq!(follow(&wanted, 2, 'b'), 3);
        assert_eq!(follow(&wanted, 1, 'b'), 0);
    }
}
