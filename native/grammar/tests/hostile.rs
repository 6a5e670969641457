//! Grammars made to break the compiler end in a problem or a grammar, soon, and never in a crash.

use std::fmt::Write;
use std::time::{Duration, Instant};

use sluice_grammar::{Code, Grammar, Kind, limits};

/// Generous: the machine may be busy. The library's own limit is `limits::MAX_SECONDS`.
const LONGEST: Duration = Duration::from_secs(limits::MAX_SECONDS + 10);

/// What compiling gave, within the time allowed; None for a grammar.
fn outcome(kind: Kind, text: &str) -> Option<Code> {
    let began = Instant::now();
    let compiled = Grammar::compile(kind, text, false);
    let head: String = text.chars().take(60).collect();
    assert!(began.elapsed() < LONGEST, "{head}… took {:?}", began.elapsed());
    compiled.err().map(|problems| {
        assert!(problems.iter().all(|problem| problem.code != Code::Internal), "{head}… {problems:?}");
        problems[0].code
    })
}

#[test]
fn deep_nesting() {
    for depth in [90, 5_000, 300_000] {
        let brackets = format!("root ::= {}\"a\"{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(outcome(Kind::Gbnf, &brackets), (depth > 100).then_some(Code::TooLarge));
        let lark = format!("start: {}\"a\"{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(outcome(Kind::Lark, &lark), Some(Code::TooLarge));
        let regex = format!("start: /{}a{}/", "(".repeat(depth), ")".repeat(depth));
        let _ = outcome(Kind::Lark, &regex);
        let arrays = format!("{}{{}}{}", "{\"items\":".repeat(depth), "}".repeat(depth));
        assert_eq!(outcome(Kind::JsonSchema, &arrays).is_some(), depth > 100);
        let alls = format!("{}{{}}{}", "{\"allOf\":[".repeat(depth), "]}".repeat(depth));
        assert_eq!(outcome(Kind::JsonSchema, &alls).is_some(), depth > 45);
    }
}

#[test]
fn long_chains_of_rules() {
    let mut gbnf = String::from("root ::= r0\n");
    let mut lark = String::from("start: r0\n");
    for index in 0..5_000 {
        let _ = writeln!(gbnf, "r{index} ::= r{}", index + 1);
        let _ = writeln!(lark, "r{index}: r{}", index + 1);
    }
    gbnf.push_str("r5000 ::= \"x\"");
    lark.push_str("r5000: \"x\"");
    assert_eq!(outcome(Kind::Gbnf, &gbnf), None);
    assert_eq!(outcome(Kind::Lark, &lark), None);
}

#[test]
fn exponential_growth() {
    // Each rule doubles the one before.
    let mut gbnf = String::from("root ::= r0\n");
    for index in 0..60 {
        let _ = writeln!(gbnf, "r{index} ::= r{} r{}", index + 1, index + 1);
    }
    gbnf.push_str("r60 ::= \"x\"");
    let _ = outcome(Kind::Gbnf, &gbnf);
    let mut lark = String::from("start: T0\n");
    for index in 0..60 {
        let _ = writeln!(lark, "T{index}: T{} T{}", index + 1, index + 1);
    }
    lark.push_str("T60: \"x\"");
    assert_eq!(outcome(Kind::Lark, &lark), Some(Code::TooLarge));
    // allOf of anyOf multiplies out.
    let option = |index: usize| {
        format!("{{\"anyOf\":[{{\"required\":[\"a{index}\"]}},{{\"required\":[\"b{index}\"]}}]}}")
    };
    let options: Vec<String> = (0..24).map(option).collect();
    let schema = format!("{{\"type\":\"object\",\"allOf\":[{}]}}", options.join(","));
    assert_eq!(outcome(Kind::JsonSchema, &schema), Some(Code::TooLarge));
}

#[test]
fn huge_repetitions() {
    let table = [
        (Kind::Gbnf, "root ::= (([a-z]{40}){40}){1}".to_string()),
        (Kind::Lark, "start: \"a\"{1,100000000}".into()),
        (Kind::Lark, "start: ((\"a\"{1000}){1000}){1000}".into()),
        (Kind::Lark, "start: /(((a{1000}){1000}){1000})/".into()),
        (Kind::Lark, "start: /(.*a){30}.{30}/".into()),
        (Kind::Lark, "start: /[\\p{L}\\p{N}]{1,5000}[\\p{L}]{1,5000}/".into()),
        (Kind::JsonSchema, "{\"type\":\"string\",\"minLength\":100000000}".into()),
        (Kind::JsonSchema, "{\"type\":\"array\",\"minItems\":100000000}".into()),
        (Kind::JsonSchema, "{\"type\":\"integer\",\"multipleOf\":1e300}".into()),
        (Kind::JsonSchema, "{\"type\":\"integer\",\"multipleOf\":999999999}".into()),
        (
            Kind::JsonSchema,
            "{\"type\":\"string\",\"pattern\":\"^(a|b|ab)*c{1000,100000}$\",\"maxLength\":100000}".into(),
        ),
        (Kind::JsonSchema, "{\"type\":\"object\",\"minProperties\":100000}".into()),
    ];
    for (kind, text) in table {
        let _ = outcome(kind, &text);
    }
}

#[test]
fn large_sources() {
    assert_eq!(outcome(Kind::Gbnf, &"#".repeat(limits::MAX_SOURCE + 1)), Some(Code::TooLarge));
    let members: Vec<String> =
        (0..20_000).map(|index| format!("\"p{index}\":{{\"type\":\"integer\"}}")).collect();
    let _ = outcome(Kind::JsonSchema, &format!("{{\"properties\":{{{}}}}}", members.join(",")));
    let words: Vec<String> = (0..20_000).map(|index| format!("\"w{index}\"")).collect();
    let _ = outcome(Kind::JsonSchema, &format!("{{\"enum\":[{}]}}", words.join(",")));
    let _ = outcome(Kind::Gbnf, &format!("root ::= {}", words.join(" | ")));
}

#[test]
fn random_bytes_and_cut_grammars() {
    let whole = [
        (Kind::Gbnf, "root ::= (\"a\\u00e9\" [^a-z\\]]{1,3} | x)*\nx ::= . \"b\"? # c\n"),
        (
            Kind::Lark,
            "%llguidance {}\nstart: a | %json {\"type\": \"string\"}\na[lazy]: /[a-z]+/ B{1,3}\nB: \"é\" & /./\n%ignore / /",
        ),
        (
            Kind::JsonSchema,
            "{\"type\": [\"object\"], \"properties\": {\"é\": {\"pattern\": \"^a+$\", \"maxLength\": 3}}, \"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"enum\": [1.5, null]}}}",
        ),
    ];
    for (kind, text) in whole {
        let chars: Vec<char> = text.chars().collect();
        for end in 0..chars.len() {
            let _ = outcome(kind, &chars[..end].iter().collect::<String>());
        }
        // Every character replaced by one that means something.
        for (at, odd) in
            (0..chars.len()).zip(['"', '[', '{', '\\', '\u{1}', '😀', '/', '('].into_iter().cycle())
        {
            let mut changed = chars.clone();
            changed[at] = odd;
            let _ = outcome(kind, &changed.into_iter().collect::<String>());
        }
    }
}

#[test]
fn ambiguous_grammars_are_followed_or_given_up() {
    let grammar = Grammar::compile(Kind::Lark, "start: s\ns: s s | \"a\" | \"a\" \"a\"", false).unwrap();
    let began = Instant::now();
    let _ = grammar.judge(&"a".repeat(250));
    assert!(began.elapsed() < LONGEST);
    let long = grammar.judge(&"a".repeat(limits::MAX_TEXT + 1)).unwrap_err();
    assert_eq!(long.code, Code::TooLarge);
}
