//! JSON Schema before llguidance sees it: every keyword is known, well-formed and enforced, or named with its place.

mod gbnf;
mod keywords;
mod locate;
mod walk;

use serde_json::{Map, Value, json};

pub use gbnf::to_gbnf;
pub use locate::explain_failure;
pub use walk::check;

/// Runs of blanks between JSON's tokens are no longer than this: small models like to fill an answer with them.
pub const MAX_BLANKS: usize = 32;

/// The schema as it is compiled here and sent to the server.
///
/// `lenient`: what cannot be enforced is left out by llguidance too.
pub fn prepare(schema: Value, lenient: bool) -> Value {
    let mut members = match schema {
        Value::Object(members) => members,
        Value::Bool(false) => Map::from_iter([("enum".to_string(), json!([]))]),
        _ => Map::new(),
    };
    let mut options = match members.shift_remove("x-guidance") {
        Some(Value::Object(options)) => options,
        _ => Map::new(),
    };
    if !options.contains_key("whitespace_pattern") && !options.contains_key("whitespace_flexible") {
        options.insert("whitespace_pattern".into(), blank_pattern().into());
    }
    options.insert("lenient".into(), lenient.into());
    options.insert("coerce_one_of".into(), lenient.into());
    let mut schema = Value::Object(members);
    drop_idle_keywords(&mut schema);
    schema["x-guidance"] = Value::Object(options);
    schema
}

/// What llguidance lets stand between tokens where a schema says nothing of it.
fn blank_pattern() -> String {
    format!("[\\x20\\x0A\\x0D\\x09]{{1,{MAX_BLANKS}}}")
}

/// `"uniqueItems": false` asks for nothing, but llguidance refuses it.
fn drop_idle_keywords(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("uniqueItems") == Some(&Value::Bool(false)) {
                members.shift_remove("uniqueItems");
            }
            for (name, value) in members.iter_mut() {
                if !matches!(name.as_str(), "enum" | "const" | "default" | "examples") {
                    drop_idle_keywords(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(drop_idle_keywords),
        _ => {}
    }
}

/// A Lark grammar for a prepared schema.
pub fn to_lark(prepared: &Value) -> String {
    format!("%llguidance {{}}\nstart: %json {prepared}")
}
