//! Where in a schema llguidance's complaint belongs: it tells no places, so subschemas are compiled alone until the
//! smallest one that fails in the same way is found.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine;
use crate::place::Place;
use crate::problem::{Code, Problem};
use crate::spans::{self, Node};

/// How many subschemas are tried, and for how long.
const TRIES: usize = 200;
const SECONDS: u64 = 2;

const UNSATISFIABLE: &str = "Unsatisfiable schema: ";

/// A problem for what llguidance said about a whole schema.
pub fn explain_failure(text: &str, root: &Node, schema: &Value, error: &str) -> Problem {
    let until = Instant::now() + Duration::from_secs(SECONDS);
    let mut search = Search { schema, said: first_line(error), tries: TRIES, until };
    let (node, value) = search.narrow(root, schema);
    let said = search.said;
    let keyword = [
        "oneOf",
        "anyOf",
        "allOf",
        "pattern",
        "patternProperties",
        "multipleOf",
        "$ref",
        "minimum",
        "maximum",
    ]
    .into_iter()
    .find(|keyword| said.contains(keyword) && value.get(keyword).is_some())
    .or_else(|| blame(&said, value));
    let at = keyword.and_then(|keyword| key_offset(node, keyword)).unwrap_or(node.start);
    let (code, message) = sentence(&said);
    let problem = Problem::new(code, Place::of(text, at), message);
    match keyword {
        Some(keyword) => problem.with_keyword(keyword),
        None => problem,
    }
}

fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    // "at 2(8): failed to compile JSON schema: …"
    let said = line.split_once("failed to compile JSON schema: ").map_or(line, |(_, said)| said);
    said.trim().trim_end_matches('.').to_string()
}

fn blame(said: &str, schema: &Value) -> Option<&'static str> {
    let pairs = [
        ("min_items", "minItems"),
        ("minItems", "minItems"),
        ("minLength", "minLength"),
        ("min_length", "minLength"),
        ("minProperties", "minProperties"),
        ("required", "required"),
        ("Pointer", "$ref"),
        ("retrieve", "$ref"),
        ("Resource", "$ref"),
        ("circular", "$ref"),
        ("regex", "pattern"),
        ("anchor", "$ref"),
        ("fuel", "maxLength"),
    ];
    pairs
        .into_iter()
        .find(|(word, keyword)| said.contains(word) && schema.get(keyword).is_some())
        .map(|(_, k)| k)
}

fn sentence(said: &str) -> (Code, String) {
    if said.starts_with("oneOf constraints") {
        return (
            Code::UnsupportedKeyword,
            "\"oneOf\" cannot be enforced here, because an answer could fit several of its schemas; use \"anyOf\", or schemas that exclude each other.".into(),
        );
    }
    if let Some(reason) = said.strip_prefix(UNSATISFIABLE) {
        return (Code::Unsatisfiable, format!("No answer can fit this: {reason}."));
    }
    let large =
        ["too large", "too big", "exceeded", "fuel", "limit", "stack level", "too many", "too complex"];
    if large.iter().any(|word| said.contains(word)) {
        return (Code::TooLarge, format!("The schema is too large or too complex: {said}."));
    }
    let unsupported =
        ["not supported", "Unimplemented", "not disjoint", "disjoint", "Unknown format", "not retriev"];
    if unsupported.iter().any(|word| said.contains(word)) {
        return (Code::UnsupportedKeyword, format!("This cannot be enforced: {said}."));
    }
    (Code::Invalid, format!("The schema cannot be compiled: {said}."))
}

fn key_offset(node: &Node, keyword: &str) -> Option<usize> {
    match &node.value {
        spans::Value::Object(members) => {
            members.iter().find(|(name, ..)| name == keyword).map(|(_, at, _)| *at)
        }
        _ => None,
    }
}

struct Search<'a> {
    schema: &'a Value,
    said: String,
    tries: usize,
    until: Instant,
}

impl<'a> Search<'a> {
    /// The smallest subschema that fails as the whole does.
    fn narrow(&mut self, node: &'a Node, value: &'a Value) -> (&'a Node, &'a Value) {
        for (inner, part) in children(node, value) {
            if self.tries == 0 || Instant::now() > self.until {
                break;
            }
            self.tries -= 1;
            if let Some(said) = self.fails_alike(part) {
                self.said = said;
                return self.narrow(inner, part);
            }
        }
        (node, value)
    }

    /// What is said of a part that fails as the whole does. An object is unsatisfiable because a member is.
    fn fails_alike(&self, part: &Value) -> Option<String> {
        let Value::Object(members) = part else { return None };
        let mut alone = members.clone();
        for shared in ["$defs", "definitions", "$schema"] {
            if let (Some(definitions), false) = (self.schema.get(shared), alone.contains_key(shared)) {
                alone.insert(shared.into(), definitions.clone());
            }
        }
        let prepared = super::prepare(Value::Object(alone), false);
        let said = first_line(&engine::compile(&super::to_lark(&prepared)).err()?);
        let both_unsatisfiable = [&said, &self.said].iter().all(|text| text.starts_with(UNSATISFIABLE));
        (said == self.said || both_unsatisfiable).then_some(said)
    }
}

/// The subschemas right below one.
fn children<'a>(node: &'a Node, value: &'a Value) -> Vec<(&'a Node, &'a Value)> {
    let mut found = Vec::new();
    let spans::Value::Object(members) = &node.value else { return found };
    for (name, _, inner) in members {
        let Some(part) = value.get(name) else { continue };
        match name.as_str() {
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                if let spans::Value::Object(entries) = &inner.value {
                    found.extend(
                        entries.iter().filter_map(|(key, _, node)| part.get(key).map(|part| (node, part))),
                    );
                }
            }
            "items"
            | "prefixItems"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "additionalProperties"
            | "additionalItems" => match &inner.value {
                spans::Value::Array(items) => {
                    found.extend(
                        items
                            .iter()
                            .enumerate()
                            .filter_map(|(at, node)| part.get(at).map(|part| (node, part))),
                    );
                }
                spans::Value::Object(_) => found.push((inner, part)),
                _ => {}
            },
            _ => {}
        }
    }
    found
}
