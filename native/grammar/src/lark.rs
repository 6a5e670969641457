//! llguidance's Lark: what it says of a faulty grammar, as problems with places, and the schemas inside of one.

use crate::place::Place;
use crate::problem::{Code, Problem};
use crate::schema;
use crate::spans;

/// A Lark text whose schemas have been checked.
pub struct Checked {
    /// What is compiled and sent. Lines stay where they were.
    pub text: String,
    /// What the schemas leave out.
    pub warnings: Vec<Problem>,
}

/// Checks what llguidance would not tell, or not with a place: special tokens, other grammars, schemas.
pub fn check(text: &str, lenient: bool) -> Result<Checked, Vec<Problem>> {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(length) = skipped(rest) {
            at += length;
            continue;
        }
        let json = ["%json", "%regex", "%llguidance"].into_iter().find(|word| rest.starts_with(word));
        if let Some(word) = json {
            let start = at + word.len();
            let (node, end) = match spans::parse_prefix(text, start) {
                Ok(found) => found,
                Err(fault) => {
                    let message = format!("After {word}: {}", fault.message);
                    return Err(vec![Problem::new(Code::Syntax, Place::of(text, fault.at), message)]);
                }
            };
            at = end;
            if word != "%json" {
                continue;
            }
            let findings = schema::check(text, &node, lenient);
            problems.extend(findings.problems);
            warnings.extend(findings.warnings);
            if lenient {
                let blob = &text[start..end];
                let value = serde_json::from_str(blob).unwrap_or(serde_json::Value::Bool(true));
                out.push_str(&text[copied..start]);
                out.push_str(&format!(" {}", schema::prepare(value, true)));
                out.extend(blob.chars().filter(|c| *c == '\n'));
                copied = end;
            }
            continue;
        }
        if rest.starts_with('<') && token_end(rest).is_some() {
            let message =
                "Special tokens such as <think> are a model's own; a grammar here is made of characters.";
            problems.push(Problem::new(Code::Invalid, Place::of(text, at), message));
            at += token_end(rest).unwrap_or(1);
            continue;
        }
        if rest.starts_with('@') {
            let message = "There are no other grammars that \"@\" could refer to.";
            problems.push(Problem::new(Code::Invalid, Place::of(text, at), message));
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    out.push_str(&text[copied..]);
    if problems.is_empty() { Ok(Checked { text: out, warnings }) } else { Err(problems) }
}

/// How long a comment, string or regular expression at the beginning of `rest` is; None where there is none, or where
/// it does not end, which llguidance tells better.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with('#') || rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let closing = rest.chars().next().filter(|c| matches!(c, '"' | '/'))?;
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if closing == '"' => return None,
            c if c == closing => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Where `<something>` ends.
fn token_end(rest: &str) -> Option<usize> {
    let end = rest.find(|c: char| c == '>' || c.is_whitespace() || (c == '<' && !rest.starts_with(c)))?;
    (rest[end..].starts_with('>') && end > 1).then_some(end + 1)
}

/// llguidance's complaint about `text` as a problem. Its messages open with "3(7): " or "at 3(7): " and end with a
/// drawing of the place.
pub fn explain_failure(text: &str, error: &str) -> Problem {
    let mut said = error.lines().next().unwrap_or_default().trim();
    let mut place = Place::NONE;
    if let Some(rest) = said.strip_prefix("at EOF: ") {
        place = Place::of(text, text.trim_end().len());
        said = rest;
    }
    // Errors are wrapped from the inside out: the last place is the innermost.
    while let Some((line, column, rest)) = located(said) {
        place = Place::from_bytes(text, line, column);
        said = rest;
    }
    if said.starts_with("no start rule") {
        place = Place { line: 1, column: 1 };
    }
    if let Some(better) = named_place(text, said, place) {
        place = better;
    }
    let detail = error.lines().find_map(|line| line.trim().strip_prefix("error: "));
    let (code, message) = match detail.filter(|_| said.contains("regex")) {
        Some(detail) => (Code::Syntax, format!("This regular expression is wrong: {detail}.")),
        None => sentence(said),
    };
    Problem::new(code, place, message)
}

/// Splits "at 3(7): rest".
fn located(said: &str) -> Option<(usize, usize, &str)> {
    let said = said.strip_prefix("at ").unwrap_or(said);
    let (line, rest) = said.split_once('(')?;
    let (column, rest) = rest.split_once("): ")?;
    Some((line.parse().ok()?, column.parse().ok()?, rest))
}

/// `unknown name: "foo"` is told at the beginning of the rule that uses it; the name's own place is better.
fn named_place(text: &str, said: &str, from: Place) -> Option<Place> {
    let name =
        said.strip_prefix("unknown name: \"").or_else(|| said.strip_prefix("rule \""))?.split('"').next()?;
    let mut start = 0;
    if from != Place::NONE {
        start = text.split_inclusive('\n').take(from.line as usize - 1).map(str::len).sum();
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text[start..].match_indices(name).map(|(at, _)| start + at).find_map(|at| {
        let before = text[..at].chars().next_back().is_some_and(is_part);
        let after = text[at + name.len()..].chars().next().is_some_and(is_part);
        (!before && !after).then(|| Place::of(text, at))
    })
}

fn sentence(said: &str) -> (Code, String) {
    // " (at Token (TOKEN))" repeats what the place shows.
    let said = said.split(" (at ").next().unwrap_or(said).trim_end_matches('.');
    if said.starts_with("lexer error") {
        return (Code::Syntax, "No token of Lark begins here, or one that began does not end.".into());
    }
    if let Some(name) = said.strip_prefix("unknown name: ") {
        return (Code::Invalid, format!("There is no rule and no terminal called {name}."));
    }
    if said.starts_with("no start rule") {
        return (Code::Invalid, "There is no rule called \"start\"; that is where every text begins.".into());
    }
    let large = ["too large", "too big", "exceed", "fuel", "limit", "too deeply", "too many", "too complex"];
    if large.iter().any(|word| said.to_lowercase().contains(word)) {
        return (Code::TooLarge, format!("The grammar is too large or too complex: {said}."));
    }
    let syntax = said.starts_with("expect") || said.starts_with("Expect") || said.contains("parsing");
    let code = if syntax { Code::Syntax } else { Code::Invalid };
    let mut letters = said.chars();
    let capital: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    (code, format!("{}.", if capital.is_empty() { "The grammar cannot be compiled".into() } else { capital }))
}
