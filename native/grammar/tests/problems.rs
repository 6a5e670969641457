//! What is wrong with a grammar is told with its place, in a sentence.

use sluice_grammar::{Grammar, Kind, Problem};

fn problems(kind: Kind, text: &str) -> Vec<Problem> {
    Grammar::compile(kind, text, false).err().unwrap_or_else(|| panic!("this compiled: {text}"))
}

/// Text of a grammar, its first problem's "line:column code" and a part of the message.
fn expect_all(kind: Kind, table: &[(&str, &str, &str)]) {
    for (text, place, message) in table {
        let found = problems(kind, text);
        let first = &found[0];
        let said = format!("{}:{} {}", first.place.line, first.place.column, first.code.word());
        assert_eq!(said, *place, "{text}\n{}", first.message);
        assert!(first.message.contains(message), "{text}\nexpected {message:?}, found {:?}", first.message);
        assert!(first.message.ends_with('.'), "not a sentence: {:?}", first.message);
    }
}

#[test]
fn gbnf() {
    expect_all(
        Kind::Gbnf,
        &[
            ("  \n ", "1:1 syntax", "empty"),
            ("a ::= \"x\"", "1:1 invalid", "no rule called \"root\""),
            ("root ::= \"a\" x\ny ::= \"b\"", "1:14 invalid", "no rule called \"x\""),
            ("root = \"a\"", "1:6 syntax", "Expected '::='"),
            ("root ::= \"a\n", "1:10 syntax", "does not end"),
            ("root ::= [a-", "1:10 syntax", "does not end"),
            ("root ::= [z-a]", "1:11 invalid", "ends before it begins"),
            ("root ::= []", "1:10 invalid", "no characters"),
            ("root ::= (\"a\"", "1:10 syntax", "never closed"),
            ("root ::= \"a\")", "1:13 syntax", "closes nothing"),
            ("root ::= *", "1:10 syntax", "nothing before"),
            ("root ::= \"\"*", "1:12 syntax", "cannot be repeated"),
            ("root ::= \"a\"{,3}", "1:14 syntax", "how many times"),
            ("root ::= \"a\"{3,2}", "1:18 syntax", "at least 3 and at most 2"),
            ("root ::= \"a\"{1,3000}", "1:16 too-large", "at most 2000"),
            ("root ::= (\"a\"{0,50}){50}", "1:21 too-large", "Repetitions within repetitions"),
            ("root ::= \"\\q\"", "1:11 syntax", "escape is unknown"),
            ("root ::= \"\\u12\"", "1:11 syntax", "4 hexadecimal digits"),
            ("root ::= \"\\uD800\"", "1:11 invalid", "not a character"),
            ("root ::= \"a\"\nroot ::= \"b\"", "2:1 invalid", "defined already, in line 1"),
            ("root ::= my_rule", "1:12 syntax", "'_'"),
            ("root ::= <think>", "1:10 syntax", "a model's own"),
            ("root ::= root \"a\" | \"b\"", "1:1 invalid", "left recursion"),
            ("root ::= a \"x\"\na ::= [ ]* root | \"y\"", "1:1 invalid", "left recursion"),
            ("root ::= (\"a\"*)*", "1:16 invalid", "may be empty"),
            ("root ::= \"😀\" root", "1:1 unsatisfiable", "No text ever ends"),
            ("root ::= \"😀\" x", "1:15 invalid", "no rule called \"x\""),
            ("root ::= \"a\0\"", "1:12 syntax", "NUL"),
        ],
    );
}

#[test]
fn lark() {
    expect_all(
        Kind::Lark,
        &[
            ("rule: \"a\"", "1:1 invalid", "no rule called \"start\""),
            ("start: \"a\" foo\nbar: \"x\"", "1:12 invalid", "\"foo\""),
            ("start: \"a\" b\nb: /[0-9]+(/", "2:4 syntax", "unclosed group"),
            ("start: \"a\" b\nb: \"c", "2:6 syntax", "No token of Lark"),
            ("start: \"a\" )", "1:12 syntax", "Expecting"),
            ("start: \"a\" start", "1:1 unsatisfiable", "No text is ever complete"),
            ("start: \"a\" <think>", "1:12 invalid", "a model's own"),
            ("start: @other", "1:8 invalid", "no other grammars"),
            (
                "start: %json { \"type\": \"object\",\n \"not\": {} }",
                "2:2 unsupported-keyword",
                "\"not\" cannot be enforced",
            ),
            ("start: %json { \"type\": }", "1:24 syntax", "Expected a JSON value"),
            ("start: %json { \"x-guidance\": { \"lenient\": true } }", "1:43 invalid", "silently"),
            ("start: \"a\"\nstart: \"b\"", "2:8 invalid", "uplicate rule"),
        ],
    );
}

#[test]
fn json_schema() {
    expect_all(
        Kind::JsonSchema,
        &[
            ("{", "1:2 syntax", "Expected a name"),
            ("{\"type\": \"object\",}", "1:19 syntax", "Expected a name"),
            ("{} {}", "1:4 syntax", "more text follows"),
            ("{\"type\": 1}", "1:10 invalid", "takes a type's name, found a number"),
            ("{\"type\": \"strin\"}", "1:10 invalid", "no type \"strin\""),
            ("{\"properties\": {\"a\": {\"not\": {}}}}", "1:23 unsupported-keyword", "\"not\""),
            ("{\"items\": {\"uniqueItems\": true}}", "1:12 unsupported-keyword", "\"uniqueItems\""),
            ("{\"format\": \"idn-email\"}", "1:12 unsupported-keyword", "idn-email"),
            ("{\"pattern\": \"(?=x)\"}", "1:13 unsupported-keyword", "look-ahead"),
            ("{\"patternProperties\": {\"(\": {}}}", "1:24 unsupported-keyword", "unclosed group"),
            ("{\"minLength\": -1}", "1:15 invalid", "whole number from 0"),
            ("{\"multipleOf\": 0}", "1:16 invalid", "above 0"),
            ("{\"minimum\": 1e999}", "1:13 syntax", "not a number"),
            ("{\"anyOf\": []}", "1:11 invalid", "at least one schema"),
            ("{\"properties\": [1]}", "1:16 invalid", "an object of schemas"),
            ("{\"required\": [\"a\", 1]}", "1:20 invalid", "strings"),
            ("{\"$ref\": \"#/$defs/a\"}", "1:10 invalid", "points to nothing"),
            ("{\"$ref\": \"http://localhost/a\"}", "1:2 invalid", "does not fetch"),
            (
                "{\"items\": {\n\"oneOf\": [{\"minimum\": 1}, {\"maximum\": 5}]}}",
                "2:1 unsupported-keyword",
                "anyOf",
            ),
            (
                "{\"properties\": {\"a\": {\"minimum\": 5, \"maximum\": 3, \"type\": \"integer\"}}, \"required\": [\"a\"], \"type\": \"object\"}",
                "1:23 unsatisfiable",
                "greater than",
            ),
            (
                "{\"properties\": {\"a\": {\"$ref\": \"#\"}}, \"required\": [\"a\"], \"type\": \"object\"}",
                "1:1 unsatisfiable",
                "No text is ever complete",
            ),
            (
                "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"$ref\": \"#\", \"$id\": \"x\"}",
                "1:69 unsupported-keyword",
                "beside",
            ),
            ("false", "1:1 unsatisfiable", "No answer can fit"),
            ("3", "1:1 invalid", "an object or a boolean"),
        ],
    );
}

#[test]
fn every_problem_of_a_schema_is_told_in_order() {
    let text =
        "{\"type\": \"object\",\n \"not\": {},\n \"properties\": {\"a\": {\"if\": {}, \"minLength\": -1}}}";
    let found: Vec<_> = problems(Kind::JsonSchema, text)
        .into_iter()
        .map(|problem| (problem.place.line, problem.keyword.unwrap_or_default()))
        .collect();
    assert_eq!(found, [(2, "not".into()), (3, "if".into()), (3, "minLength".into())]);
}

#[test]
fn lenient_tells_what_it_leaves_out() {
    let text = "{\"type\": \"array\", \"uniqueItems\": true, \"items\": {\"oneOf\": [{\"minimum\": 1}, {\"maximum\": 5}]}}";
    let grammar = Grammar::compile(Kind::JsonSchema, text, true).unwrap();
    let said: Vec<_> = grammar.warnings().iter().map(|warning| warning.message.clone()).collect();
    assert!(said.iter().any(|message| message.contains("uniqueItems")), "{said:?}");
    assert!(said.iter().any(|message| message.contains("oneOf")), "{said:?}");
    assert!(grammar.judge("[1,1]").unwrap().complete);
    // Strictly a keyword that JSON Schema does not know constrains nothing, and that is told.
    let odd =
        Grammar::compile(Kind::JsonSchema, "{\"nullable\": true, \"type\": \"string\"}", false).unwrap();
    assert_eq!(odd.warnings()[0].keyword.as_deref(), Some("nullable"));
    // What asks for nothing is no reason to refuse.
    assert!(
        Grammar::compile(Kind::JsonSchema, "{\"type\": \"array\", \"uniqueItems\": false}", false).is_ok()
    );
}
