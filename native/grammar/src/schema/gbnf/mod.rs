//! A schema as GBNF, for servers without llguidance: every text of the GBNF is an answer under the schema. What GBNF
//! cannot say is refused by name, never left out. Where a schema leaves members open, only those that it names are
//! written; blanks stand only where a reader would put them.

mod digits;
mod pattern;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::keywords::{FORMATS, Support, lookup};
use crate::gbnf::{check, parse};

/// What keeps a schema from being GBNF, and where.
#[derive(Debug)]
pub struct Refusal {
    what: String,
    path: String,
}

impl Refusal {
    fn new(keyword: &str, path: &str) -> Self {
        Refusal { what: format!("\"{keyword}\""), path: path.into() }
    }

    fn beside(keyword: &str, other: &str, path: &str) -> Self {
        Refusal { what: format!("\"{keyword}\" beside \"{other}\""), path: path.into() }
    }
}

type Written = Result<String, Refusal>;

/// A prepared schema ([`super::prepare`]) as GBNF, or why it cannot be, as the end of a sentence.
pub fn to_gbnf(prepared: &Value) -> Result<String, String> {
    let mut writer =
        Writer { root: prepared, rules: Vec::new(), names: HashMap::new(), targets: HashMap::new() };
    let text = writer.document().map_err(|Refusal { what, path }| {
        let place = if path.is_empty() { String::new() } else { format!(" at {path}") };
        format!("{what}{place} is more than GBNF can say")
    })?;
    // llama.cpp's own limits.
    let told = |message: &str| format!("as GBNF it would be refused: {}", message.trim_end_matches('.'));
    let grammar = parse(&text).map_err(|problem| told(&problem.message))?;
    match check(&grammar, &text).first() {
        Some(problem) => Err(told(&problem.message)),
        None => Ok(text),
    }
}

/// A string's characters as llguidance takes them: by number only where there is no other way.
const CHARACTER: &str = r#"[^"\\\x00-\x1F\x7F] | "\\" ["\\bfnrt]"#;

struct Writer<'a> {
    root: &'a Value,
    rules: Vec<(String, String)>,
    names: HashMap<String, String>,   // of rules, by what they say
    targets: HashMap<String, String>, // of rules, by the references that lead to them
}

impl<'a> Writer<'a> {
    fn document(&mut self) -> Written {
        self.named("character", CHARACTER);
        let blanks = self.blanks()?;
        self.named("blank", &blanks);
        let root = self.root;
        let answer = self.schema(root, "")?;
        let mut text = format!("root ::= {answer}\n");
        for (name, body) in &self.rules {
            text.push_str(&format!("{name} ::= {body}\n"));
        }
        Ok(text)
    }

    // One blank, or a line and its indentation, unless the schema has a pattern of its own for them.
    fn blanks(&self) -> Written {
        let own = Refusal::new("x-guidance", "");
        let Some(options) = self.root.get("x-guidance").and_then(Value::as_object) else { return Err(own) };
        if options
            .keys()
            .any(|name| !["whitespace_pattern", "lenient", "coerce_one_of"].contains(&name.as_str()))
        {
            return Err(own);
        }
        let Some(wanted) = options.get("whitespace_pattern").and_then(Value::as_str) else { return Err(own) };
        if wanted == super::blank_pattern() {
            return Ok("(\" \" | \"\\n\" [ ]{0,24})?".into());
        }
        let blanks = pattern::whole(wanted).ok_or(own)?;
        Ok(format!("({blanks})?"))
    }

    fn named(&mut self, name: &str, body: &str) {
        self.names.insert(body.to_string(), name.to_string());
        self.rules.push((name.to_string(), body.to_string()));
    }

    /// The name of a rule that says this; the same for the same.
    fn rule(&mut self, body: String) -> String {
        if let Some(name) = self.names.get(&body) {
            return name.clone();
        }
        let name = format!("r{}", self.rules.len());
        self.named(&name, &body);
        name
    }

    fn schema(&mut self, schema: &'a Value, path: &str) -> Written {
        let members = match schema {
            Value::Bool(true) => return self.anything(),
            Value::Object(members) => members,
            _ => return Err(Refusal::new("false", path)),
        };
        let active = constraints(members);
        // Alone, or it would have to be intersected with its neighbours.
        let alone = |keyword: &str, among: &[&str]| match active
            .iter()
            .find(|name| **name != keyword && !among.contains(name))
        {
            Some(other) => Err(Refusal::beside(other, keyword, path)),
            None => Ok(()),
        };
        for keyword in ["$ref", "allOf", "anyOf", "oneOf", "const", "enum"] {
            if !active.contains(&keyword) {
                continue;
            }
            let valued = keyword == "const" || keyword == "enum";
            alone(keyword, if valued { &["type"] } else { &[] })?;
            let value = &members[keyword];
            let inner = format!("{path}/{keyword}");
            return match (keyword, value) {
                ("$ref", Value::String(reference)) => self.reference(reference, path),
                ("allOf", Value::Array(parts)) if parts.len() == 1 => self.schema(&parts[0], &inner),
                ("anyOf" | "oneOf", Value::Array(options)) => {
                    let options: Result<Vec<String>, Refusal> = options
                        .iter()
                        .enumerate()
                        .map(|(at, option)| self.schema(option, &format!("{inner}/{at}")))
                        .collect();
                    Ok(self.rule(options?.join(" | ")))
                }
                ("const", value) => self.literals(std::slice::from_ref(value), members, path),
                ("enum", Value::Array(values)) => self.literals(values, members, path),
                _ => Err(Refusal::new(keyword, path)),
            };
        }
        if active.is_empty() {
            return self.anything();
        }
        let options: Result<Vec<String>, Refusal> =
            types(members).into_iter().map(|name| self.typed(name, members, path)).collect();
        Ok(self.rule(options?.join(" | ")))
    }

    fn anything(&mut self) -> Written {
        // Its name first: it contains itself.
        if !self.rules.iter().any(|(name, _)| name == "value") {
            let at = self.rules.len();
            self.rules.push(("value".into(), String::new()));
            let kinds: Result<Vec<String>, Refusal> =
                EVERY.iter().map(|name| self.typed(name, &FREE, "")).collect();
            self.rules[at].1 = kinds?.join(" | ");
        }
        Ok("value".into())
    }

    fn reference(&mut self, reference: &str, path: &str) -> Written {
        if let Some(name) = self.targets.get(reference) {
            return Ok(name.clone());
        }
        let root = self.root;
        // An "$id" further down would change what references are to.
        let target = match reference.strip_prefix('#') {
            Some(pointer) if !moves_base(root, true) => root.pointer(pointer),
            _ => None,
        };
        let target = target.ok_or_else(|| Refusal::new("$ref", path))?;
        let name = format!("d{}", self.targets.len());
        self.targets.insert(reference.to_string(), name.clone());
        let body = self.schema(target, reference.trim_start_matches('#'))?;
        self.rules.push((name.clone(), body));
        Ok(name)
    }

    fn literals(&mut self, values: &[Value], members: &Map<String, Value>, path: &str) -> Written {
        let allowed = types(members);
        let fitting =
            values.iter().filter(|value| allowed.contains(&kind_of(value)) || whole_number(value, &allowed));
        let texts: Vec<String> = fitting.map(|value| quoted(&value.to_string())).collect();
        if texts.is_empty() {
            return Err(Refusal::new("type", path));
        }
        Ok(self.rule(texts.join(" | ")))
    }

    fn typed(&mut self, kind: &str, members: &'a Map<String, Value>, path: &str) -> Written {
        let refused = |names: &[&str]| match names.iter().find(|name| members.contains_key(**name)) {
            Some(name) => Err(Refusal::new(name, path)),
            None => Ok(()),
        };
        match kind {
            "null" => Ok("\"null\"".into()),
            "boolean" => Ok("\"true\" | \"false\"".into()),
            "integer" => refused(&["multipleOf"]).and_then(|()| digits::integer(members, path)),
            "number" => refused(&["multipleOf"]).and_then(|()| digits::number(members, path)),
            "string" => self.string(members, path),
            "array" => self.array(members, path),
            _ => {
                refused(&["patternProperties", "minProperties", "maxProperties"])?;
                self.object(members, path)
            }
        }
    }

    fn string(&mut self, members: &Map<String, Value>, path: &str) -> Written {
        if members
            .get("format")
            .and_then(Value::as_str)
            .is_some_and(|name| name != "unknown" && FORMATS.contains(&name))
        {
            return Err(Refusal::new("format", path));
        }
        let length = |name: &str| members.get(name).and_then(Value::as_u64);
        let (min, max) = (length("minLength"), length("maxLength"));
        let inside = match members.get("pattern").and_then(Value::as_str) {
            Some(pattern) => {
                if min.is_some() || max.is_some() {
                    return Err(Refusal::beside(
                        "pattern",
                        if min.is_some() { "minLength" } else { "maxLength" },
                        path,
                    ));
                }
                let inside = pattern::searched(pattern).ok_or_else(|| Refusal::new("pattern", path))?;
                format!("({inside})")
            }
            None => match (min.unwrap_or(0), max) {
                (0, None) => "character*".into(),
                (_, Some(0)) => String::new(),
                (min, max) => {
                    format!("character{{{min},{}}}", max.map(|max| max.to_string()).unwrap_or_default())
                }
            },
        };
        Ok(format!("\"\\\"\" {inside} \"\\\"\""))
    }

    fn array(&mut self, members: &'a Map<String, Value>, path: &str) -> Written {
        let schemas = |name: &str| match members.get(name) {
            Some(Value::Array(items)) => Some(items.as_slice()),
            _ => None,
        };
        // Up to draft 2019-09 the first ones are "items", and "additionalItems" the rest.
        let (first, rest) = match (schemas("prefixItems"), schemas("items")) {
            (Some(first), None) => (first, members.get("items")),
            (None, Some(first)) => (first, members.get("additionalItems")),
            (None, None) => (&[][..], members.get("items")),
            (Some(_), Some(_)) => return Err(Refusal::new("items", path)),
        };
        let count = |name: &str| members.get(name).and_then(Value::as_u64);
        let (min, max) = (count("minItems").unwrap_or(0), count("maxItems"));
        let known = first.len() as u64;
        if min < known {
            return Err(Refusal::new("prefixItems", path));
        }
        let mut parts = Vec::new();
        for (at, item) in first.iter().enumerate() {
            let item = self.schema(item, &format!("{path}/prefixItems/{at}"))?;
            parts.push(if at == 0 { item } else { format!("\",\" blank {item}") });
        }
        let mut optional = false;
        if rest != Some(&Value::Bool(false)) && max.is_none_or(|max| max > known) {
            let item = match rest {
                Some(rest) => self.schema(rest, &format!("{path}/items"))?,
                None => self.anything()?,
            };
            // The first of all has no comma before it.
            let lead = u64::from(known == 0);
            let (least, most) = ((min - known).saturating_sub(lead), max.map(|max| max - known - lead));
            let more = match most {
                Some(0) => String::new(),
                most => {
                    let most = most.map(|most| most.to_string()).unwrap_or_default();
                    format!("(\",\" blank {item}){{{least},{most}}}")
                }
            };
            if lead == 1 {
                parts.push(item);
                optional = min == 0;
            }
            parts.push(more);
        } else if min > known {
            return Err(Refusal::new("minItems", path));
        }
        let list = parts.join(" ");
        Ok(match (list.is_empty(), optional) {
            (true, _) => "\"[\" blank \"]\"".into(),
            (false, true) => format!("\"[\" blank ({list} blank)? \"]\""),
            (false, false) => format!("\"[\" blank {list} blank \"]\""),
        })
    }

    fn object(&mut self, members: &'a Map<String, Value>, path: &str) -> Written {
        let none = Vec::new();
        let properties: Vec<(&String, &Value)> =
            members.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
        let required: Vec<&str> = members
            .get("required")
            .and_then(Value::as_array)
            .unwrap_or(&none)
            .iter()
            .filter_map(Value::as_str)
            .collect();
        if required.iter().any(|name| !properties.iter().any(|(known, _)| known == name)) {
            return Err(Refusal::new("required", path));
        }
        let others = members.get("additionalProperties");
        if properties.is_empty() {
            return self.map(others, path);
        }
        if matches!(others, Some(Value::Object(_) | Value::Bool(true))) {
            return Err(Refusal::beside("additionalProperties", "properties", path));
        }
        let mut pairs = Vec::new();
        for (name, schema) in &properties {
            let needed = required.contains(&name.as_str());
            // What can never be there is left out.
            if !needed && **schema == Value::Bool(false) {
                continue;
            }
            let value = self.schema(schema, &format!("{path}/properties/{name}"))?;
            let name = quoted(&Value::from(name.as_str()).to_string());
            pairs.push((format!("{name} \":\" blank {value}"), needed));
        }
        // From the last one: what may follow once something is there.
        let mut rest = String::new();
        let mut firsts = Vec::new();
        for (pair, needed) in pairs.iter().rev() {
            firsts.push((if rest.is_empty() { pair.clone() } else { format!("{pair} {rest}") }, *needed));
            let mut body = format!("\",\" blank {pair}");
            if !needed {
                body = format!("({body})?");
            }
            if !rest.is_empty() {
                body = format!("{body} {rest}");
            }
            rest = self.rule(body);
        }
        firsts.reverse();
        let until = firsts.iter().position(|(_, needed)| *needed);
        let starts: Vec<String> =
            firsts.into_iter().take(until.map_or(usize::MAX, |at| at + 1)).map(|(text, _)| text).collect();
        Ok(match (starts.is_empty(), until) {
            (true, _) => "\"{\" blank \"}\"".into(),
            (false, None) => format!("\"{{\" blank (({}) blank)? \"}}\"", starts.join(" | ")),
            (false, Some(_)) => format!("\"{{\" blank ({}) blank \"}}\"", starts.join(" | ")),
        })
    }

    // Any names, all of one schema.
    fn map(&mut self, others: Option<&'a Value>, path: &str) -> Written {
        let value = match others {
            Some(Value::Bool(false)) => return Ok("\"{\" blank \"}\"".into()),
            Some(others) => self.schema(others, &format!("{path}/additionalProperties"))?,
            None => self.anything()?,
        };
        let pair = self.rule(format!("\"\\\"\" character* \"\\\":\" blank {value}"));
        Ok(format!("\"{{\" blank ({pair} (\",\" blank {pair})* blank)? \"}}\""))
    }
}

const EVERY: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

/// A schema that asks for nothing.
static FREE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The keywords that ask for something. Under `lenient` there are others, which are told and left out everywhere.
fn constraints(members: &Map<String, Value>) -> Vec<&str> {
    let asks = |name: &&str| matches!(lookup(name), Some((_, Support::Enforced)));
    members.keys().map(String::as_str).filter(asks).collect()
}

fn types(members: &Map<String, Value>) -> Vec<&str> {
    match members.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => EVERY.to_vec(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn whole_number(value: &Value, allowed: &[&str]) -> bool {
    allowed.contains(&"integer") && (value.is_i64() || value.is_u64())
}

fn moves_base(value: &Value, root: bool) -> bool {
    match value {
        Value::Object(members) => {
            (!root
                && (members.contains_key("$id") || members.contains_key("id") && members["id"].is_string()))
                || members.values().any(|inner| moves_base(inner, false))
        }
        Value::Array(items) => items.iter().any(|item| moves_base(item, false)),
        _ => false,
    }
}

/// A literal of GBNF.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\U{:08X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
