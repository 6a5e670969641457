//! Texts are judged to the character; what goes to a server is what was judged.

use std::sync::Arc;

use sluice_grammar::{Grammar, Kind};

fn compile(kind: Kind, text: &str) -> Arc<Grammar> {
    Arc::new(Grammar::compile(kind, text, false).unwrap_or_else(|problems| panic!("{text}: {problems:?}")))
}

const JSON: &str = r#"root ::= value
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" (string ":" value ("," string ":" value)*)? "}"
array ::= "[" (value ("," value)*)? "]"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
"#;

#[test]
fn gbnf_reads_as_written() {
    // (grammar, accepted, refused with the position)
    type Row<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, usize)]);
    let table: &[Row] = &[
        // The longest terminal must not win over the grammar.
        ("root ::= [a] \"bd\" | \"ab\" \"c\"", &["abd", "abc"], &[("abe", 2), ("b", 0)]),
        ("root ::= [a-z]+ \"end\"", &["xend", "endend"], &[("end!", 3)]),
        ("root ::= ([a-z]* \"a\"){2}", &["aa", "xaya"], &[("A", 0)]),
        ("root ::= \"a\"{2,3}", &["aa", "aaa"], &[("aaaa", 3)]),
        ("root ::= \"ab\"{2} | \"a\"{0}", &["abab", ""], &[("aba ", 3)]),
        ("root ::= [^\"\\n]* \"\\n\"", &["\n", "é😀\n"], &[("a\"", 1)]),
        ("root ::= . \"\\x41\" \"\\u00e9\" [\\]\\-]", &["\nAé]", "😀Aé-"], &[("xAe", 2)]),
        (
            "root ::= a | \n  b # or\na ::= \"1\"\n\nb ::= (\n \"2\" | # two\n \"3\")",
            &["1", "2", "3"],
            &[("4", 0)],
        ),
        ("root ::= x* y?\nx ::= \"(\" root \")\"\ny ::= \"y\"", &["", "y", "(y)()", "((y))y"], &[("(]", 1)]),
        (
            JSON,
            &["{\"a\":[1,-2.5e3,null],\"\\u00e9\":{}}", "0"],
            &[("{\"a\":tru}", 8), ("01", 1), ("[1,]", 3)],
        ),
    ];
    for (text, accepted, refused) in table {
        let grammar = compile(Kind::Gbnf, text);
        for answer in *accepted {
            let verdict = grammar.judge(answer).unwrap();
            assert!(verdict.ok && verdict.complete, "{text}\n{answer:?} {verdict:?}");
        }
        for (answer, position) in *refused {
            let verdict = grammar.judge(answer).unwrap();
            assert_eq!(
                (verdict.ok, verdict.complete, verdict.position),
                (false, false, *position),
                "{text}\n{answer:?}"
            );
            assert!(!verdict.expected.is_empty(), "{text}\n{answer:?}");
        }
        assert_eq!(grammar.server(), *text, "every server reads GBNF itself");
        assert!(!grammar.needs_llguidance());
    }
}

#[test]
fn positions_count_utf16_and_lines() {
    let grammar = compile(Kind::Gbnf, "root ::= \"😀é\\n\" [0-9]+");
    let verdict = grammar.judge("😀é\n12x").unwrap();
    assert_eq!((verdict.position, verdict.place.line, verdict.place.column), (6, 2, 3));
    assert_eq!(verdict.expected, ["0 to 9", "the end"]);
    let unfinished = grammar.judge("😀").unwrap();
    assert_eq!((unfinished.ok, unfinished.complete), (true, false));
    assert_eq!(unfinished.expected, ["\"é\\n\""]);
}

#[test]
fn schemas_and_lark_are_sent_behind_llguidance() {
    let schema = compile(
        Kind::JsonSchema,
        "{\"type\": \"array\", \"items\": {\"type\": \"integer\"}, \"maxItems\": 2}",
    );
    assert!(schema.server().starts_with("%llguidance"));
    assert!(schema.needs_llguidance());
    for (answer, complete) in
        [("[]", true), ("[1, 2]", true), ("[1,2,3]", false), ("[1.5]", false), ("[1", false)]
    {
        assert_eq!(schema.judge(answer).unwrap().complete, complete, "{answer}");
    }
    // Blanks have an end.
    assert!(!schema.judge(&format!("[{}1]", " ".repeat(100))).unwrap().ok);

    let lark = compile(Kind::Lark, "# sums\nstart: NUM (\"+\" NUM)*\nNUM: /[0-9]+/\n%ignore / +/");
    assert!(lark.server().starts_with("%llguidance {}\n# sums"));
    assert!(lark.judge("1 + 22+3").unwrap().complete);
    // What was compiled is what is sent: it compiles again.
    assert!(Grammar::compile(Kind::Lark, lark.server(), false).is_ok());
    assert!(Grammar::compile(Kind::Lark, schema.server(), true).is_ok());
}

#[test]
fn a_matcher_agrees_with_a_whole_judgement_however_the_text_is_cut() {
    let grammar = compile(Kind::Gbnf, JSON);
    for text in ["{\"é😀\":[1,2,{\"a\":null}]}", "{\"a\":[1,2,,]}", "[\"\\u00e9\", 1]", "[[[[]]]"] {
        let whole = grammar.judge(text).unwrap();
        for size in 1..4 {
            let mut matcher = grammar.matcher();
            let mut last = None;
            let chars: Vec<char> = text.chars().collect();
            for piece in chars.chunks(size) {
                last = Some(matcher.push(&piece.iter().collect::<String>()).unwrap());
            }
            let last = last.unwrap();
            assert_eq!(
                (last.ok, last.complete, last.position),
                (whole.ok, whole.complete, whole.position),
                "{text}"
            );
            matcher.reset();
            assert!(matcher.push("[").unwrap().ok);
        }
    }
}

#[test]
fn lazy_grammars_think_first() {
    let schema = "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}}, \"required\": [\"a\"], \"additionalProperties\": false}";
    let lark = "start: \"{\\\"a\\\":\" N \"}\"\nN: /[0-9]+/";
    let gbnf = "root ::= \"{\\\"a\\\":\" [0-9]+ \"}\" # }";
    for (kind, text) in [(Kind::JsonSchema, schema), (Kind::Lark, lark), (Kind::Gbnf, gbnf)] {
        for marker in ["</think>", "aab", "#\"]\\", "→", "\n\n"] {
            let lazy = compile(kind, text).lazy(marker).unwrap();
            let judge = |answer: String| lazy.judge(&answer).unwrap();
            assert!(
                judge(format!("I think, \"aaa\" {{}} é <{marker}{{\"a\":1}}")).complete,
                "{kind:?} {marker:?}"
            );
            assert!(judge(format!("{marker}\n {{\"a\":1}}")).complete, "{kind:?} {marker:?}");
            assert!(!judge(format!("x{marker}{{\"b\":1}}")).ok, "{kind:?} {marker:?}");
            // Free text alone is no answer, and goes on for as long as it likes.
            let thinking = judge("{\"a\":1} ".repeat(50));
            assert!(thinking.ok && !thinking.complete, "{kind:?} {marker:?}");
            // The first marker counts.
            assert!(!judge(format!("{marker}x{marker}{{\"a\":1}}")).ok, "{kind:?} {marker:?}");
            let explained = Arc::new(lazy).explain(2, 1).unwrap();
            assert!(explained.examples.iter().all(|example| example.starts_with(marker)), "{explained:?}");
            assert!(!explained.examples.is_empty(), "{kind:?} {marker:?}");
        }
    }
    let grammar = compile(Kind::Gbnf, gbnf);
    assert!(grammar.lazy("").is_err());
    assert!(grammar.lazy(&"x".repeat(1000)).is_err());
    assert!(grammar.lazy("a").unwrap().lazy("b").is_err());
    // A grammar that begins with blanks keeps them.
    let blank = compile(Kind::Gbnf, "root ::= \" \" \"x\"").lazy("#").unwrap();
    assert!(!blank.gap());
    assert!(blank.judge("a# x").unwrap().complete);
}

#[test]
fn examples_are_accepted_and_repeatable() {
    let sums = "start: sum\nsum: sum \"+\" term | term\nterm: N | \"(\" sum \")\"\nN: /[0-9]{1,3}/";
    let schema = "{\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 9}, \"more\": {\"type\": \"array\", \"items\": {\"$ref\": \"#\"}}}, \"required\": [\"name\"], \"additionalProperties\": false}";
    for (kind, text) in [(Kind::Gbnf, JSON), (Kind::Lark, sums), (Kind::JsonSchema, schema)] {
        let grammar = compile(kind, text);
        let explained = grammar.explain(40, 7).unwrap();
        assert!(explained.examples.len() >= 20, "{text}: {}", explained.examples.len());
        for example in &explained.examples {
            assert!(grammar.judge(example).unwrap().complete, "{text}\n{example:?}");
        }
        assert_eq!(explained.examples, grammar.explain(40, 7).unwrap().examples);
        assert_ne!(explained.examples, grammar.explain(40, 8).unwrap().examples);
        assert!(explained.rules > 0 && explained.lexemes > 0 && explained.bytes == text.len());
    }
}
