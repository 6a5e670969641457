//! Example texts of a grammar, found by walking it: a short one first, then random ones.

use crate::grammar::{Grammar, Kind};
use crate::random::Random;

/// What a grammar is, for people.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Notation of the source.
    pub kind: Kind,
    /// Size of the source.
    pub bytes: usize,
    /// Productions after translation.
    pub rules: usize,
    /// Terminals of the lexer.
    pub lexemes: usize,
    /// Texts that are accepted, different from each other, shortest first.
    pub examples: Vec<String>,
    /// That compiling took.
    pub seconds: f64,
}

impl Explanation {
    /// As one JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": self.kind.word(),
            "bytes": self.bytes,
            "rules": self.rules,
            "lexemes": self.lexemes,
            "examples": self.examples,
            "seconds": self.seconds,
        })
    }
}

/// A walk that has not ended by then is given up, in bytes.
const LONGEST: usize = 4000;
/// From here on a walk takes whatever may bring it to its end, in bytes.
const WANDER: usize = 160;
/// The most examples that are looked for.
pub const MAX_EXAMPLES: usize = 100;

/// At most `count` texts that `grammar` accepts. Walks that do not end are dropped, so that there may be fewer.
pub fn examples(grammar: &Grammar, count: usize, seed: u64) -> Vec<String> {
    let count = count.min(MAX_EXAMPLES);
    let mut random = Random::new(seed);
    let mut found: Vec<String> = Vec::new();
    for attempt in 0..count * 4 {
        if found.len() == count {
            break;
        }
        // The first walk goes straight to an end.
        let wander = if attempt == 0 { 0 } else { WANDER >> random.below(4) };
        if let Some(text) = walk(grammar, wander, &mut random).filter(|text| !found.contains(text)) {
            found.push(text);
        }
    }
    found.sort_by_key(String::len);
    found
}

/// One text. Up to `wander` bytes it goes where chance leads, then towards an end.
fn walk(grammar: &Grammar, wander: usize, random: &mut Random) -> Option<String> {
    let mut matcher = grammar.matcher();
    // Chance would hardly ever write a marker.
    let mut text: Vec<u8> = grammar.marker().as_bytes().to_vec();
    for byte in &text {
        matcher.push_byte(*byte).ok()?;
    }
    let lead = text.len();
    while text.len() < LONGEST {
        let closing = text.len() >= lead + wander;
        let accepting = matcher.is_accepting();
        let next = matcher.next_bytes().ok()?;
        if accepting && (closing || next.is_empty() || random.chance(25)) {
            return String::from_utf8(text).ok();
        }
        let byte =
            if closing { towards_an_end(&next, &text, random)? } else { at_random(&next, &text, random)? };
        matcher.push_byte(byte).ok()?;
        text.push(byte);
    }
    None
}

/// Where nearly everything may come, a text is being written.
const IN_TEXT: usize = 60;

/// What closes things comes first; blanks lead nowhere.
fn towards_an_end(next: &[u8], text: &[u8], random: &mut Random) -> Option<u8> {
    let has = |byte: u8| next.binary_search(&byte).is_ok();
    let mid_character =
        text.last().is_some_and(|byte| *byte >= 0xc0) || next.iter().all(|byte| *byte >= 0x80);
    if mid_character {
        return pick(next, random);
    }
    if next.len() > IN_TEXT {
        let letters: Vec<u8> = next.iter().copied().filter(u8::is_ascii_lowercase).collect();
        return if has(b'"') {
            Some(b'"')
        } else {
            pick(if letters.is_empty() { next } else { &letters }, random)
        };
    }
    if let Some(closer) = b"}])>\"'".iter().copied().find(|closer| has(*closer)) {
        return Some(closer);
    }
    let plain: Vec<u8> = next.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let calm: Vec<u8> = next.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let narrowed = [plain, calm].into_iter().find(|bytes| !bytes.is_empty());
    pick(narrowed.as_deref().unwrap_or(next), random)
}

/// Blanks, escapes and characters beyond ASCII are rare in what people want to see.
fn at_random(next: &[u8], text: &[u8], random: &mut Random) -> Option<u8> {
    let visible: Vec<u8> =
        next.iter().copied().filter(|byte| byte.is_ascii_graphic() && *byte != b'\\').collect();
    if next.len() <= IN_TEXT || visible.is_empty() {
        // Between the parts of a text blanks mean nothing.
        let blank = next.contains(&b' ') && !visible.is_empty() && random.chance(5);
        return if blank {
            Some(b' ')
        } else {
            pick(if visible.is_empty() { next } else { &visible }, random)
        };
    }
    let letters: Vec<u8> = next.iter().copied().filter(u8::is_ascii_lowercase).collect();
    match random.below(100) {
        0..=9 if next.contains(&b'"') => Some(b'"'),
        10..=19 if next.contains(&b' ') && text.last().is_some_and(u8::is_ascii_lowercase) => Some(b' '),
        20..=22 => pick(next, random),
        23..=26 => pick(&visible, random),
        _ => pick(if letters.is_empty() { &visible } else { &letters }, random),
    }
}

fn pick(bytes: &[u8], random: &mut Random) -> Option<u8> {
    (!bytes.is_empty()).then(|| bytes[random.below(bytes.len())])
}
