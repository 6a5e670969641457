//! Schemas as GBNF, for servers without llguidance: whatever the GBNF lets through is an answer under the schema, and
//! what GBNF cannot say is refused by name.

use std::sync::Arc;

use serde_json::{Value, json};
use sluice_grammar::{Grammar, Kind};

fn schema(value: &Value) -> Grammar {
    Grammar::compile(Kind::JsonSchema, &value.to_string(), false)
        .unwrap_or_else(|problems| panic!("{value}: {problems:?}"))
}

fn gbnf(text: &str) -> Arc<Grammar> {
    Arc::new(
        Grammar::compile(Kind::Gbnf, text, false).unwrap_or_else(|problems| panic!("{text}\n{problems:?}")),
    )
}

fn plain(value: &Value) -> (Grammar, Arc<Grammar>) {
    let schema = schema(value);
    let text = schema.plain().unwrap_or_else(|why| panic!("{value}: {why}")).to_string();
    (schema, gbnf(&text))
}

/// Texts of the GBNF, at random, are answers under the schema. Gives how many there were.
fn only_answers(what: &str, schema: &Grammar, plain: &Arc<Grammar>, seeds: u64) -> usize {
    let mut tried = 0;
    for seed in 1..=seeds {
        for text in plain.explain(40, seed).unwrap().examples {
            let verdict = schema.judge(&text).unwrap();
            assert!(verdict.complete, "{what}\n{}\n{text:?} {verdict:?}", schema.plain().unwrap());
            tried += 1;
        }
    }
    tried
}

#[test]
fn what_gbnf_lets_through_is_an_answer() {
    let open = json!({"type": "object"});
    let person = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "nick": {"type": "string"}},
        "required": ["age"],
    });
    let tree = json!({
        "$defs": {"node": {
            "type": "object",
            "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}},
            "required": ["v", "next"], "additionalProperties": false,
        }},
        "$ref": "#/$defs/node",
    });
    // (schema, texts that GBNF lets through, texts that it does not)
    type Row<'a> = (Value, &'a [&'a str], &'a [&'a str]);
    let table: &[Row] = &[
        (json!(true), &["1", "\"a\"", "[{\"a\": null}]"], &["[1,", "x"]),
        (json!({"type": "null"}), &["null"], &["0"]),
        (json!({"type": "boolean"}), &["true", "false"], &["truer", "null"]),
        (json!({"type": ["integer", "null"]}), &["-12", "0", "null"], &["1.5", "\"1\"", "01"]),
        (json!({"type": "number"}), &["-1.25e-3", "0.5", "7"], &[".5", "1.", "+1"]),
        (json!({"type": "string"}), &["\"\"", "\"é😀 \\\"q\\\" \\n\""], &["\"\n\"", "\"a", "\"\\q\""]),
        (
            json!({"type": "string", "minLength": 2, "maxLength": 3}),
            &["\"ab\"", "\"é\\\"😀\""],
            &["\"a\"", "\"abcd\""],
        ),
        (json!({"type": "string", "maxLength": 0}), &["\"\""], &["\" \""]),
        (json!({"type": "string", "minLength": 2}), &["\"ab\"", "\"abcdefgh\""], &["\"a\""]),
        (
            json!({"type": "string", "pattern": "^#[0-9a-f]{6}$"}),
            &["\"#00ff7a\""],
            &["\"#00ff7\"", "\"x#00ff7a\""],
        ),
        (json!({"type": "string", "pattern": "b+"}), &["\"b\"", "\"a\\nbbc\""], &["\"\"", "\"ac\""]),
        (
            json!({"type": "string", "pattern": "^(a|bc)?-\\d{1,2}$|^x$"}),
            &["\"-1\"", "\"bc-12\"", "\"x\""],
            &["\"b-1\""],
        ),
        (json!({"type": "string", "pattern": "^[\"\\\\\\w]+$"}), &["\"\\\"\\\\a_9\""], &["\"é\"", "\"\""]),
        (
            json!({"type": "string", "pattern": "^a.\\.$"}),
            &["\"ab.\"", "\"a\\\".\""],
            &["\"a\\n.\"", "\"ab\""],
        ),
        (
            json!({"enum": ["a\"b", 3, null, [1, {"x": true}]]}),
            &["\"a\\\"b\"", "3", "[1,{\"x\":true}]"],
            &["4", "[1]"],
        ),
        (json!({"type": "string", "const": "only"}), &["\"only\""], &["\"onl\"", "only"]),
        (
            json!({"type": "array", "items": {"type": "boolean"}}),
            &["[]", "[true]", "[true, false]"],
            &["[1]", "[true,]"],
        ),
        (
            json!({"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 3}),
            &["[null, null]", "[null,null,null]"],
            &["[null]", "[null,null,null,null]"],
        ),
        (json!({"type": "array", "maxItems": 0}), &["[]"], &["[1]"]),
        (json!({"type": "array", "maxItems": 1}), &["[]", "[{\"a\":1}]"], &["[1,2]"]),
        (
            json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "items": false}),
            &["[1, \"a\"]"],
            &["[1]", "[1,\"a\",2]"],
        ),
        (
            json!({"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 1, "maxItems": 3, "items": {"type": "null"}}),
            &["[1]", "[1,null,null]"],
            &["[null]", "[1,1]"],
        ),
        (open, &["{}", "{\"a\": 1, \"b\": [\"c\"]}"], &["[]", "{a:1}"]),
        (
            person,
            &["{\"age\": 3}", "{\"name\":\"A\",\"age\":3,\"nick\":\"B\"}", "{\"age\":3, \"nick\":\"B\"}"],
            &["{\"name\":\"A\"}", "{\"age\":3,\"name\":\"A\"}", "{\"age\":3,}"],
        ),
        (
            json!({"properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "type": "object", "additionalProperties": false}),
            &["{}", "{\"a\":null}", "{\"b\":null}", "{\"a\":null,\"b\":null}"],
            &["{\"b\":null,\"a\":null}", "{\"c\":null}"],
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            &["{}", "{\"x\": 1, \"y\": 2}"],
            &["{\"x\": \"1\"}"],
        ),
        (json!({"type": "object", "additionalProperties": false}), &["{}"], &["{\"a\":1}"]),
        (
            json!({"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]}),
            &["5", "\"a\""],
            &["\"ab\"", "null"],
        ),
        (json!({"allOf": [{"type": "integer", "minimum": 5}]}), &["5"], &["4"]),
        (tree, &["{\"v\": 1, \"next\": {\"v\":2,\"next\":null}}"], &["{\"v\": 1}"]),
        (json!({"type": "array", "items": {"$ref": "#"}}), &["[]", "[[], [[]]]"], &["[1]"]),
        (json!({"minimum": 3}), &["3", "\"a\"", "null", "{\"x\":1}"], &["2", "-4"]),
    ];
    for (value, through, not) in table {
        let (schema, plain) = plain(value);
        for text in *through {
            assert!(plain.judge(text).unwrap().complete, "{value}\n{}\n{text}", schema.plain().unwrap());
            assert!(schema.judge(text).unwrap().complete, "{value}\n{text}");
        }
        for text in *not {
            assert!(!plain.judge(text).unwrap().complete, "{value}\n{}\n{text}", schema.plain().unwrap());
        }
        assert!(only_answers(&value.to_string(), &schema, &plain, 3) >= 1, "{value}");
    }
}

#[test]
fn numbers_keep_their_bounds() {
    for (low, high) in
        [(0, 0), (0, 9), (1, 1000), (7, 123), (-5, 5), (-120, -7), (-1, 0), (99, 101), (-250, 36), (180, 180)]
    {
        let (integers, plain_integers) = plain(&json!({"type": "integer", "minimum": low, "maximum": high}));
        let (_, plain_open) = plain(&json!({"type": "integer", "exclusiveMinimum": low}));
        let (numbers, plain_numbers) =
            plain(&json!({"type": "number", "minimum": low, "exclusiveMaximum": high + 1}));
        for n in -300..1100 {
            let inside = (low..=high).contains(&n);
            let text = n.to_string();
            assert_eq!(plain_integers.judge(&text).unwrap().complete, inside, "{low} {n} {high}");
            assert_eq!(integers.judge(&text).unwrap().complete, inside, "{low} {n} {high}");
            assert_eq!(plain_open.judge(&text).unwrap().complete, n > low, "{low} < {n}");
            assert_eq!(plain_numbers.judge(&text).unwrap().complete, inside, "{low} {n} {high}");
            let half = format!("{n}.5");
            let value: f64 = half.parse().unwrap();
            let fits = value >= f64::from(low) && value < f64::from(high + 1);
            assert_eq!(plain_numbers.judge(&half).unwrap().complete, fits, "{low} {half} {high}");
        }
        only_answers(&format!("{low} to {high}"), &integers, &plain_integers, 1);
        only_answers(&format!("{low} to {high}, not whole"), &numbers, &plain_numbers, 2);
    }
    let (_, above) = plain(&json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}));
    for (text, fits) in [("0", false), ("0.0", false), ("0.01", true), ("1", true), ("1.01", false)] {
        assert_eq!(above.judge(text).unwrap().complete, fits, "{text}");
    }
}

#[test]
fn what_gbnf_cannot_say_is_refused_by_name() {
    for (value, why) in [
        (json!({"type": "number", "multipleOf": 0.5}), "\"multipleOf\" is more"),
        (json!({"type": "number", "minimum": 0.5}), "\"minimum\""),
        (
            json!({"properties": {"a": {"type": "string", "format": "date"}}, "type": "object"}),
            "\"format\" at /properties/a",
        ),
        (json!({"type": "string", "pattern": "^a$", "maxLength": 9}), "\"pattern\" beside \"maxLength\""),
        (json!({"type": "string", "pattern": "^a{1,2500}$"}), "at most 2000 repetitions"),
        (json!({"type": "object", "patternProperties": {"^a": {"type": "null"}}}), "\"patternProperties\""),
        (json!({"type": "object", "minProperties": 1}), "\"minProperties\""),
        (json!({"type": "object", "required": ["a"]}), "\"required\""),
        (
            json!({"type": "object", "properties": {"a": true}, "additionalProperties": {"type": "null"}}),
            "\"additionalProperties\" beside \"properties\"",
        ),
        (json!({"type": "object", "anyOf": [{"required": ["a"]}]}), "\"type\" beside \"anyOf\""),
        (json!({"allOf": [{"type": "integer"}, {"minimum": 1}]}), "\"allOf\""),
        (json!({"type": "array", "prefixItems": [{"type": "null"}]}), "\"prefixItems\""),
        (json!({"type": "string", "maxLength": 5000}), "at most 2000 repetitions"),
        (json!({"x-guidance": {"item_separator": ", "}, "type": "array"}), "\"x-guidance\""),
    ] {
        let schema = schema(&value);
        let said = schema.plain().expect_err(&value.to_string());
        assert!(said.contains(why), "{value}: {said}");
    }
    let lark = Grammar::compile(Kind::Lark, "start: \"a\"", false).unwrap();
    assert!(lark.plain().expect_err("Lark").contains("Lark"));
    let gbnf = gbnf("root ::= \"a\"");
    assert_eq!(gbnf.plain(), Ok("root ::= \"a\""));
}

#[test]
fn lenient_leaves_out_what_it_has_told() {
    let text = json!({"type": "integer", "not": {"const": 3}}).to_string();
    let schema = Grammar::compile(Kind::JsonSchema, &text, true).unwrap();
    assert_eq!(schema.warnings().len(), 1);
    assert!(gbnf(schema.plain().unwrap()).judge("3").unwrap().complete);
}

#[test]
fn behind_a_marker_too() {
    let lazy = schema(&json!({"enum": ["a", "b"]})).lazy("</think>").unwrap();
    let plain = gbnf(lazy.plain().unwrap());
    for (text, complete) in
        [("well</think>\"a\"", true), ("</think>\n\"b\"", true), ("</think>\"c\"", false), ("\"a\"", false)]
    {
        assert_eq!(plain.judge(text).unwrap().complete, complete, "{text}");
        assert_eq!(lazy.judge(text).unwrap().complete, complete, "{text}");
    }
}

#[test]
fn the_library_goes_to_every_server() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../resources/grammars");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "json") || path.ends_with("library.json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let schema = Grammar::compile(Kind::JsonSchema, &text, false).unwrap();
        let plain = gbnf(schema.plain().unwrap_or_else(|why| panic!("{}: {why}", path.display())));
        assert!(only_answers(&path.display().to_string(), &schema, &plain, 2) > 20, "{}", path.display());
        found += 1;
    }
    assert!(found >= 5);
}

/// A small generator with a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn any_schema(dice: &mut Dice, depth: u64) -> Value {
    let low = i64::try_from(dice.below(300)).unwrap() - 150;
    let width = i64::try_from(dice.below(200)).unwrap();
    let bounds = [
        ("minimum", json!(low)),
        ("maximum", json!(low + width)),
        ("exclusiveMaximum", json!(low + width + 1)),
    ];
    let mut numeric = json!({"type": if dice.below(2) == 0 { "integer" } else { "number" }});
    for (name, bound) in bounds {
        if dice.below(2) == 0 {
            numeric[name] = bound;
        }
    }
    match dice.below(if depth == 0 { 5 } else { 9 }) {
        0 => numeric,
        1 => json!({"type": "string", "minLength": dice.below(3), "maxLength": 3 + dice.below(4)}),
        2 => json!({"enum": [dice.below(9), "x\\y", null, {"k": [1.5]}]}),
        3 => json!({"type": ["boolean", "null"]}),
        4 => {
            let patterns = ["^[a-c]{1,3}$", "x|y+", "^\\w?\"$", "^(é|[^a-z])*$"];
            let pattern = patterns[usize::try_from(dice.below(4)).unwrap()];
            json!({"type": "string", "pattern": pattern})
        }
        5 => json!({"anyOf": [any_schema(dice, depth - 1), any_schema(dice, depth - 1)]}),
        6 => {
            json!({"type": "array", "items": any_schema(dice, depth - 1), "minItems": dice.below(3), "maxItems": 2 + dice.below(3)})
        }
        7 => json!({"type": "object", "additionalProperties": any_schema(dice, depth - 1)}),
        _ => {
            let names = ["a", "b c", "\"é"];
            let required: Vec<&str> = names.into_iter().filter(|_| dice.below(2) == 0).collect();
            json!({
                "type": "object",
                "properties": {
                    names[0]: any_schema(dice, depth - 1),
                    names[1]: any_schema(dice, depth - 1),
                    names[2]: any_schema(dice, depth - 1),
                },
                "required": required,
                "additionalProperties": false,
            })
        }
    }
}

#[test]
fn random_schemas_too() {
    let mut dice = Dice(3);
    let (mut schemas, mut texts) = (0, 0);
    while schemas < 60 {
        let value = any_schema(&mut dice, 2);
        let Ok(schema) = Grammar::compile(Kind::JsonSchema, &value.to_string(), false) else { continue };
        let Ok(plain) = schema.plain() else { continue };
        let plain = gbnf(plain);
        texts += only_answers(&value.to_string(), &schema, &plain, 1);
        schemas += 1;
    }
    assert!(texts > 500, "only {texts} texts");
}
