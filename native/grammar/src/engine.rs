//! llguidance, seen as a recogniser of bytes: a vocabulary of the 256 bytes and an end, and nothing else. No special
//! tokens, so that a grammar which names some is refused rather than judged wrongly.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, OnceLock};

use llguidance::api::{GrammarInit, TopLevelGrammar};
use llguidance::earley::{CGrammar, CSymIdx};
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};

use crate::limits;

/// A compiled grammar and what is known of its size.
pub struct Compiled {
    /// At the beginning of a text.
    pub matcher: Matcher,
    /// Productions after translation.
    pub rules: usize,
    /// Terminals of the lexer.
    pub lexemes: usize,
    /// No text is ever complete.
    pub endless: bool,
    /// What the schema compiler leaves out, under `lenient`.
    pub warnings: Vec<String>,
}

fn factory() -> &'static ParserFactory {
    static FACTORY: OnceLock<ParserFactory> = OnceLock::new();
    FACTORY.get_or_init(|| {
        let mut words: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        words.push(b"\xff<end>".to_vec());
        let end = words.len() as u32 - 1;
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, end), &words);
        let vocabulary: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new(&vocabulary, InferenceCapabilities::default(), &[])
            .expect("a vocabulary of bytes is always valid");
        factory.quiet();
        *factory.limits_mut() = limits::parser_limits();
        factory
    })
}

/// Compiles a Lark grammar; an error is llguidance's own text.
pub fn compile(lark: &str) -> Result<Compiled, String> {
    let grammar = TopLevelGrammar::from_lark(lark.to_string());
    let mut parser = factory()
        .create_parser_from_init_default(GrammarInit::Serialized(grammar))
        .map_err(|error| format!("{error:#}"))?;
    let warnings = parser.grammar_warnings();
    let productions = parser.parser.grammar();
    let (rules, endless) = measure(productions);
    let lexemes = productions.lexer_spec().lexemes.len();
    let mut matcher = Matcher::new(Ok(parser));
    if let Some(error) = matcher.get_error() {
        return Err(error);
    }
    // The first use may find the lexer too complex; that has to come out here, not in the middle of an answer.
    matcher.compute_mask_or_eos().map_err(|error| error.to_string())?;
    Ok(Compiled { matcher, rules, lexemes, endless, warnings })
}

/// How many productions can be reached, and whether no text ever completes the start symbol.
fn measure(grammar: &CGrammar) -> (usize, bool) {
    let mut order = vec![grammar.start()];
    let mut places: HashMap<CSymIdx, usize> = HashMap::from([(grammar.start(), 0)]);
    // Per symbol: its productions' right-hand sides.
    let mut bodies: Vec<Vec<&[CSymIdx]>> = Vec::new();
    while bodies.len() < order.len() {
        let symbol = order[bodies.len()];
        let sides: Vec<&[CSymIdx]> =
            grammar.rules_of(symbol).iter().map(|rule| grammar.rule_rhs(*rule).0).collect();
        for next in sides.iter().flat_map(|side| side.iter()) {
            if let Entry::Vacant(place) = places.entry(*next) {
                place.insert(order.len());
                order.push(*next);
            }
        }
        bodies.push(sides);
    }
    let mut ends: Vec<bool> = order
        .iter()
        .map(|symbol| {
            let data = grammar.sym_data(*symbol);
            data.lexeme.is_some() || data.is_terminal || data.is_nullable || !data.cond_nullable.is_empty()
        })
        .collect();
    loop {
        let mut changed = false;
        for index in 0..order.len() {
            if !ends[index] && bodies[index].iter().any(|side| side.iter().all(|symbol| ends[places[symbol]]))
            {
                ends[index] = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    (bodies.iter().map(Vec::len).sum(), !ends[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures() {
        let small = compile("start: \"a\" b\nb: \"b\" | \"c\" b").unwrap();
        assert!(!small.endless);
        assert!(small.rules >= 3 && small.lexemes >= 3, "{} {}", small.rules, small.lexemes);
        assert!(compile("start: \"a\" b\nb: \"c\" b").unwrap().endless);
    }

    #[test]
    fn knows_no_special_tokens() {
        assert!(compile("start: <|tool|>").is_err());
    }
}
