//! A regular expression inside of a JSON string.

use std::fmt::Write;

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};

/// The rule for any character of a string, in [`super::CHARACTER`].
const ANY: &str = "character";

/// What stands between the quotes where `pattern` is looked for anywhere in the text; None where it cannot be said.
pub fn searched(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(&ascii_classes(pattern)).ok()?;
    let branches: Option<Vec<String>> = sequences(&hir)?.iter().map(|items| anchored(items)).collect();
    Some(branches?.join(" | "))
}

/// What `pattern` matches as a whole, outside of strings: blanks.
pub fn whole(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    written(&hir, &plain_class)
}

/// `\d` and `\w` mean ASCII, as in JavaScript and as llguidance reads them.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('d')) => out.push_str("[0-9]"),
            ('\\', Some('D')) => out.push_str("[^0-9]"),
            ('\\', Some('w')) => out.push_str("[a-zA-Z0-9_]"),
            ('\\', Some('W')) => out.push_str("[^a-zA-Z0-9_]"),
            ('\\', Some(other)) => out.extend(['\\', other]),
            _ => out.push(c),
        }
    }
    out
}

/// Where anchors stand in some alternatives only, each of these is a sequence of its own, up to this many.
const MAX_SEQUENCES: usize = 64;

fn sequences(hir: &Hir) -> Option<Vec<Vec<Hir>>> {
    let found = match hir.kind() {
        _ if hir.properties().look_set().is_empty() => vec![vec![hir.clone()]],
        HirKind::Capture(capture) => sequences(&capture.sub)?,
        HirKind::Alternation(options) => {
            options.iter().map(sequences).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()
        }
        HirKind::Concat(items) => {
            let mut all = vec![Vec::new()];
            for item in items {
                let next = sequences(item)?;
                if all.len() * next.len() > MAX_SEQUENCES {
                    return None;
                }
                all = all.iter().flat_map(|one| next.iter().map(|more| [&one[..], more].concat())).collect();
            }
            all
        }
        _ => vec![vec![hir.clone()]],
    };
    (found.len() <= MAX_SEQUENCES).then_some(found)
}

fn anchored(mut items: &[Hir]) -> Option<String> {
    let (mut before, mut after) = (format!("{ANY}*"), format!("{ANY}*"));
    if let [first, rest @ ..] = items
        && matches!(first.kind(), HirKind::Look(Look::Start))
    {
        (items, before) = (rest, String::new());
    }
    if let [rest @ .., last] = items
        && matches!(last.kind(), HirKind::Look(Look::End))
    {
        (items, after) = (rest, String::new());
    }
    let middle = items.iter().map(|item| written(item, &quoted_class)).collect::<Option<Vec<_>>>()?;
    let parts: Vec<String> = [vec![before], middle, vec![after]].concat();
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(if parts.is_empty() { "\"\"".into() } else { parts.join(" ") })
}

type Classes<'a> = &'a dyn Fn(&ClassUnicode) -> Option<String>;

fn written(hir: &Hir, class: Classes) -> Option<String> {
    Some(match hir.kind() {
        HirKind::Empty => String::new(),
        HirKind::Literal(literal) => {
            let characters = std::str::from_utf8(&literal.0).ok()?.chars();
            let classes: Option<Vec<String>> = characters
                .map(|c| class(&ClassUnicode::new([regex_syntax::hir::ClassUnicodeRange::new(c, c)])))
                .collect();
            classes?.join(" ")
        }
        HirKind::Class(Class::Unicode(ranges)) => class(ranges)?,
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) => return None,
        HirKind::Repetition(times) => {
            let inner = written(&times.sub, class)?;
            let max = times.max.map(|max| max.to_string()).unwrap_or_default();
            if inner.is_empty() { inner } else { format!("({inner}){{{},{max}}}", times.min) }
        }
        HirKind::Capture(capture) => written(&capture.sub, class)?,
        HirKind::Concat(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| written(item, class)).collect();
            items?.into_iter().filter(|item| !item.is_empty()).collect::<Vec<_>>().join(" ")
        }
        HirKind::Alternation(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| written(item, class)).collect();
            format!("({})", items?.join(" | "))
        }
    })
}

fn plain_class(class: &ClassUnicode) -> Option<String> {
    let mut ranges = String::new();
    for range in class.ranges() {
        let _ = write!(ranges, "\\U{:08X}-\\U{:08X}", range.start() as u32, range.end() as u32);
    }
    (!ranges.is_empty()).then(|| format!("[{ranges}]"))
}

/// Characters that JSON writes with a backslash are written so. Other control characters are left out: a model has no
/// need of them.
fn quoted_class(class: &ClassUnicode) -> Option<String> {
    let has = |c: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c));
    let mut escaped = String::new();
    for (c, letter) in
        [('"', "\\\""), ('\\', "\\\\"), ('\u{8}', "b"), ('\u{c}', "f"), ('\n', "n"), ('\r', "r"), ('\t', "t")]
    {
        if has(c) {
            escaped.push_str(letter);
        }
    }
    let mut raw = class.clone();
    let range = regex_syntax::hir::ClassUnicodeRange::new;
    raw.difference(&ClassUnicode::new([
        range('\0', '\u{1f}'),
        range('"', '"'),
        range('\\', '\\'),
        range('\u{7f}', '\u{7f}'),
    ]));
    match (plain_class(&raw), escaped.is_empty()) {
        (None, true) => None,
        (Some(raw), true) => Some(raw),
        (None, false) => Some(format!("\"\\\\\" [{escaped}]")),
        (Some(raw), false) => Some(format!("({raw} | \"\\\\\" [{escaped}])")),
    }
}
