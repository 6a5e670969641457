use sluice_grammar::*;
use std::sync::Arc;
#[test]
fn probe() {
    let json = r#"root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? "}" ws
array ::= "[" ws (value ("," ws value)*)? "]" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
"#;
    let cases: Vec<(Kind, &str, &str)> = vec![
        (Kind::Gbnf, json, "{\"a\": [1, 2, tru]}"),
        (Kind::Gbnf, "root ::= [a] \"bd\" | \"ab\" \"c\"", "abd"),
        (Kind::Gbnf, "root ::= \"a\" x\n  y ::= z", ""),
        (Kind::Gbnf, "root ::= root \"a\" | \"b\"", ""),
        (Kind::Gbnf, "root ::= \"a\" root", ""),
        (Kind::Gbnf, "root ::= (\"a\"*)*", ""),
        (Kind::Gbnf, "root ::= \"a", ""),
        (Kind::Gbnf, "root ::= [a-", ""),
        (Kind::Gbnf, "root = x", ""),
        (Kind::Gbnf, "root ::= \"😀\" (\"é\" | [α-ω]+)", "😀éx"),
        (Kind::Lark, "start: \"a\" foo\nbar: \"x\"", ""),
        (Kind::Lark, "start: \"a\" b\nb: /[0-9]+(/", ""),
        (Kind::Lark, "start: \"a\" b\nb: \"c", ""),
        (Kind::Lark, "start: \"a\" )", ""),
        (Kind::Lark, "start: \"a\" start", ""),
        (Kind::Lark, "start: <think> \"a\"", ""),
        (Kind::Lark, "start: %json { \"type\": \"object\", \n \"not\": {} }", ""),
        (
            Kind::Lark,
            "start: expr\nexpr: expr \"+\" term | term\nterm: NUM | \"(\" expr \")\"\nNUM: /[0-9]+/\n%ignore / +/",
            "1+(2 + 3)*4",
        ),
        (
            Kind::JsonSchema,
            "{\"type\":\"object\",\n \"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":255},\"b\":{\"enum\":[\"x\",\"yy\"]}},\"required\":[\"a\",\"b\"],\"additionalProperties\":false}",
            "{\"a\": 256",
        ),
        (
            Kind::JsonSchema,
            "{\"type\":\"object\",\n \"properties\":{\"a\":{\"not\":{}, \"format\": \"idn-email\", \"pattern\": \"(?=x)\", \"minLength\": -1, \"type\": \"strin\"}}}",
            "",
        ),
        (Kind::JsonSchema, "{\"oneOf\":[{\"type\":\"object\"},{\"type\":\"object\"}]}", ""),
        (
            Kind::JsonSchema,
            "{\"properties\":{\"x\":{\"items\":{\n  \"oneOf\":[{\"minimum\":1},{\"maximum\":5}]}}}}",
            "",
        ),
        (Kind::JsonSchema, "{\"$ref\":\"#/$defs/a\"}", ""),
        (Kind::JsonSchema, "{\"$ref\":\"http://example.com/a\"}", ""),
        (Kind::JsonSchema, "{\"type\":\"integer\",\"minimum\":5,\"maximum\":3}", ""),
        (
            Kind::JsonSchema,
            "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
            "",
        ),
        (Kind::JsonSchema, "{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}", ""),
        (Kind::JsonSchema, "false", ""),
        (Kind::JsonSchema, "{\"nullable\": true, \"type\":\"string\"}", "\"a"),
    ];
    for (kind, grammar, text) in cases {
        println!("=== {} {:?}", kind.word(), grammar);
        match Grammar::compile(kind, grammar, false) {
            Err(problems) => {
                for p in problems {
                    println!(
                        "   {}:{} {} {:?} {}",
                        p.place.line,
                        p.place.column,
                        p.code.word(),
                        p.keyword,
                        p.message
                    )
                }
            }
            Ok(g) => {
                let g = Arc::new(g);
                for p in g.warnings() {
                    println!("   W {}:{} {}", p.place.line, p.place.column, p.message)
                }
                println!("   {:?}", g.judge(text));
                println!("   {:?}", g.explain(5, 1));
                let lazy = Arc::new(g.lazy("</think>").unwrap());
                println!("   lazy {:?}", lazy.explain(2, 1).unwrap().examples);
            }
        }
    }
}
