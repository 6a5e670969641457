//! Goes through every subschema and says what is wrong with it, with the place of each fault.

use std::time::{Duration, Instant};

use super::keywords::{FORMATS, Shape, Support, TYPES, lookup};
use crate::limits::MAX_PROBLEMS;
use crate::place::Place;
use crate::problem::{Code, Problem};
use crate::spans::{Node, Value};

/// How long patterns are tried one by one.
const PATTERN_SECONDS: u64 = 3;

/// What was found.
#[derive(Default)]
pub struct Findings {
    /// The schema cannot be used.
    pub problems: Vec<Problem>,
    /// What is not enforced: under `lenient`, and names that JSON Schema does not know.
    pub warnings: Vec<Problem>,
}

/// Checks a schema; `text` is what its places refer to. `lenient`: keywords that cannot be enforced become warnings.
pub fn check(text: &str, root: &Node, lenient: bool) -> Findings {
    let until = Instant::now() + Duration::from_secs(PATTERN_SECONDS);
    let mut walk = Walk { text, root, lenient, until, findings: Findings::default() };
    walk.options(root);
    walk.schema(root);
    walk.findings.problems.truncate(MAX_PROBLEMS);
    walk.findings.warnings.truncate(MAX_PROBLEMS);
    walk.findings
}

struct Walk<'a> {
    text: &'a str,
    root: &'a Node,
    lenient: bool,
    until: Instant,
    findings: Findings,
}

/// Whether llguidance's regular expressions can say this one; else why not.
fn regex_fault(pattern: &str) -> Option<String> {
    let schema = serde_json::json!({ "type": "string", "pattern": pattern });
    let error = crate::engine::compile(&super::to_lark(&schema)).err()?;
    // The last line of a regular expression's error says what is wrong; those before it draw it.
    let said =
        error.lines().find_map(|line| line.trim().strip_prefix("error: ")).or_else(|| error.lines().next());
    Some(said.unwrap_or_default().trim_end_matches('.').to_string())
}

impl Walk<'_> {
    fn problem(&mut self, code: Code, at: usize, keyword: &str, message: String) {
        self.findings
            .problems
            .push(Problem::new(code, Place::of(self.text, at), message).with_keyword(keyword));
    }

    fn invalid(&mut self, at: usize, keyword: &str, message: String) {
        self.problem(Code::Invalid, at, keyword, message);
    }

    fn unsupported(&mut self, at: usize, keyword: &str, message: String) {
        let problem =
            Problem::new(Code::UnsupportedKeyword, Place::of(self.text, at), message).with_keyword(keyword);
        let list = if self.lenient { &mut self.findings.warnings } else { &mut self.findings.problems };
        list.push(problem);
    }

    // llguidance's own options must not switch the checks off behind our back.
    fn options(&mut self, root: &Node) {
        for name in ["lenient", "coerce_one_of"] {
            let Some(value) = root.member("x-guidance").and_then(|options| options.member(name)) else {
                continue;
            };
            if !self.lenient && !matches!(value.value, Value::Word("false")) {
                let at = value.start;
                self.invalid(
                    at,
                    "x-guidance",
                    format!("\"{name}\" would leave keywords out silently; compile leniently instead."),
                );
            }
        }
    }

    fn schema(&mut self, node: &Node) {
        if self.findings.problems.len() >= MAX_PROBLEMS {
            return;
        }
        match &node.value {
            Value::Word("true" | "false") => {}
            Value::Object(members) => {
                for (name, at, value) in members {
                    self.keyword(name, *at, value);
                }
                self.base_beside_reference(node, members);
            }
            _ => {
                let message = format!("A schema is an object or a boolean, found {}.", node.kind());
                self.findings.problems.push(Problem::new(
                    Code::Invalid,
                    Place::of(self.text, node.start),
                    message,
                ));
            }
        }
    }

    // Up to draft 7 a reference's neighbours mean nothing, but llguidance lets "$id" move what the reference is to.
    fn base_beside_reference(&mut self, node: &Node, members: &[(String, usize, Node)]) {
        let draft = self.root.member("$schema").and_then(Node::text).unwrap_or_default();
        if !["draft-04", "draft-06", "draft-07"].iter().any(|old| draft.contains(old))
            || node.member("$ref").is_none()
        {
            return;
        }
        if let Some((name, at, _)) = members.iter().find(|(name, ..)| name == "$id" || name == "id") {
            self.unsupported(
                *at,
                name,
                format!("\"{name}\" beside \"$ref\" cannot be handled as that draft has it."),
            );
        }
    }

    fn keyword(&mut self, name: &str, at: usize, value: &Node) {
        let Some((shape, support)) = lookup(name) else {
            if name != "x-guidance" {
                let message = format!("JSON Schema has no keyword \"{name}\"; it constrains nothing.");
                let warning = Problem::new(Code::UnsupportedKeyword, Place::of(self.text, at), message);
                self.findings.warnings.push(warning.with_keyword(name));
            }
            return;
        };
        if support == Support::Unsupported {
            // What asks for nothing need not be enforced.
            if name == "uniqueItems" && matches!(value.value, Value::Word("false")) {
                return;
            }
            self.unsupported(at, name, format!("\"{name}\" cannot be enforced while an answer is written."));
            return;
        }
        self.shape(name, shape, value);
    }

    fn expected(&mut self, name: &str, what: &str, value: &Node) {
        self.invalid(value.start, name, format!("\"{name}\" takes {what}, found {}.", value.kind()));
    }

    fn shape(&mut self, name: &str, shape: Shape, value: &Node) {
        match shape {
            Shape::Any => {}
            Shape::Boolean => {
                if !matches!(value.value, Value::Word("true" | "false")) {
                    self.expected(name, "true or false", value);
                }
            }
            Shape::Text => {
                if value.text().is_none() {
                    self.expected(name, "a string", value);
                }
            }
            Shape::Pattern => match value.text() {
                None => self.expected(name, "a string", value),
                Some(pattern) => self.pattern(name, value.start, pattern),
            },
            Shape::Format => match value.text() {
                None => self.expected(name, "a string", value),
                Some(format) if !FORMATS.contains(&format) => {
                    self.unsupported(
                        value.start,
                        name,
                        format!("The format \"{format}\" cannot be enforced."),
                    );
                }
                Some(_) => {}
            },
            Shape::Reference => match value.text() {
                None => self.expected(name, "a string", value),
                Some(reference) => self.reference(name, value.start, reference),
            },
            Shape::Number | Shape::Positive => self.number(name, shape, value),
            Shape::Bound => {
                let draft4 = matches!(value.value, Value::Word("true" | "false"));
                if !draft4 {
                    self.number(name, shape, value);
                }
            }
            Shape::Count => {
                // JSON knows no integers: 2.0 is one too, but llguidance takes it literally.
                let whole = matches!(&value.value, Value::Number(number) if number.parse::<u64>().is_ok());
                if !whole {
                    self.expected(name, "a whole number from 0", value);
                }
            }
            Shape::Type => self.types(name, value),
            Shape::List => {
                if !matches!(value.value, Value::Array(_)) {
                    self.expected(name, "an array", value);
                }
            }
            Shape::Names => self.names(name, value),
            Shape::Schema => self.schema(value),
            Shape::Items => match &value.value {
                Value::Array(items) => items.iter().for_each(|item| self.schema(item)),
                _ => self.schema(value),
            },
            Shape::Schemas => match &value.value {
                Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| self.schema(item)),
                Value::Array(_) => {
                    self.invalid(value.start, name, format!("\"{name}\" needs at least one schema."))
                }
                _ => self.expected(name, "an array of schemas", value),
            },
            Shape::Map | Shape::PatternMap => {
                let Value::Object(members) = &value.value else {
                    return self.expected(name, "an object of schemas", value);
                };
                for (key, at, inner) in members {
                    if shape == Shape::PatternMap {
                        self.pattern(name, *at, key);
                    }
                    self.schema(inner);
                }
            }
        }
    }

    fn number(&mut self, name: &str, shape: Shape, value: &Node) {
        let Value::Number(written) = &value.value else {
            return self.expected(name, "a number", value);
        };
        let number: f64 = written.parse().unwrap_or(f64::INFINITY);
        if !number.is_finite() {
            self.invalid(
                value.start,
                name,
                format!("\"{name}\": {written} is beyond the numbers that can be compared."),
            );
        } else if shape == Shape::Positive && number <= 0.0 {
            self.invalid(value.start, name, format!("\"{name}\" takes a number above 0, found {written}."));
        }
    }

    fn types(&mut self, name: &str, value: &Node) {
        let mut one = |node: &Node| match node.text() {
            None => self.expected(name, "a type's name", node),
            Some(word) if !TYPES.contains(&word) => {
                self.invalid(
                    node.start,
                    name,
                    format!("There is no type \"{word}\"; there are {}.", TYPES.join(", ")),
                );
            }
            Some(_) => {}
        };
        match &value.value {
            Value::Array(items) => {
                items.iter().for_each(&mut one);
                if items.is_empty() {
                    self.invalid(value.start, name, "\"type\" needs at least one type.".into());
                }
            }
            _ => one(value),
        }
    }

    fn names(&mut self, name: &str, value: &Node) {
        match &value.value {
            Value::Array(items) => {
                for item in items {
                    if item.text().is_none() {
                        self.expected(name, "an array of strings", item);
                    }
                }
            }
            _ => self.expected(name, "an array of strings", value),
        }
    }

    fn pattern(&mut self, name: &str, at: usize, pattern: &str) {
        if Instant::now() > self.until {
            return; // compiling the whole schema finds it too, without a place
        }
        if let Some(fault) = regex_fault(pattern) {
            self.unsupported(
                at,
                name,
                format!("The regular expression /{pattern}/ cannot be enforced: {fault}."),
            );
        }
    }

    fn reference(&mut self, name: &str, at: usize, reference: &str) {
        let Some(pointer) = reference.strip_prefix('#') else { return };
        // Anchors and percent signs are for the resolver.
        if reference.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
            return;
        }
        let mut node = self.root;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.member(&step),
            };
            match next {
                Some(inner) => node = inner,
                None => {
                    return self.invalid(
                        at,
                        name,
                        format!("\"{reference}\" points to nothing in this schema."),
                    );
                }
            }
        }
    }
}
