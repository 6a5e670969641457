//! Numbers between two bounds, digit by digit.

use serde_json::{Map, Value};

use super::Refusal;

/// Where an open side is closed: 15 digits are exact in every reader's numbers.
const FAR: i64 = 999_999_999_999_999;

/// A side of an interval, and whether it belongs to it.
#[derive(Clone, Copy)]
struct Bound {
    at: f64,
    inside: bool,
}

/// The narrower of `minimum` and `exclusiveMinimum`, or of their counterparts; draft 4 writes the latter as booleans.
fn bound(members: &Map<String, Value>, plain: &str, exclusive: &str, upper: bool) -> Option<Bound> {
    let at = members.get(plain).and_then(Value::as_f64);
    let draft4 = members.get(exclusive).and_then(Value::as_bool) == Some(true);
    let included = at.map(|at| Bound { at, inside: !draft4 });
    let excluded = members.get(exclusive).and_then(Value::as_f64).map(|at| Bound { at, inside: false });
    match (included, excluded) {
        (Some(a), Some(b)) => Some(if (a.at < b.at) == upper && a.at != b.at { a } else { b }),
        (one, other) => one.or(other),
    }
}

const LOW: (&str, &str) = ("minimum", "exclusiveMinimum");
const HIGH: (&str, &str) = ("maximum", "exclusiveMaximum");

/// Whole numbers under the bounds of `members`.
pub fn integer(members: &Map<String, Value>, path: &str) -> Result<String, Refusal> {
    let low = bound(members, LOW.0, LOW.1, false);
    let high = bound(members, HIGH.0, HIGH.1, true);
    if low.is_none() && high.is_none() {
        return Ok("\"-\"? (\"0\" | [1-9] [0-9]{0,14})".into());
    }
    let low = low.map(|low| if low.inside { low.at.ceil() } else { low.at.floor() + 1.0 });
    let high = high.map(|high| if high.inside { high.at.floor() } else { high.at.ceil() - 1.0 });
    let (low, high) = (whole(low, -FAR, LOW.0, path)?, whole(high, FAR, HIGH.0, path)?);
    if low > high {
        return Err(Refusal::new(LOW.0, path));
    }
    let mut parts = Vec::new();
    if low < 0 {
        let nearest = if high < 0 { high.unsigned_abs() } else { 1 };
        parts.push(format!("\"-\" ({})", between(nearest, low.unsigned_abs())));
    }
    if high >= 0 {
        parts.push(between(low.max(0).unsigned_abs(), high.unsigned_abs()));
    }
    Ok(parts.join(" | "))
}

/// Any numbers under the bounds of `members`; these have to be whole, or their digits would be too many cases.
pub fn number(members: &Map<String, Value>, path: &str) -> Result<String, Refusal> {
    let low = bound(members, LOW.0, LOW.1, false);
    let high = bound(members, HIGH.0, HIGH.1, true);
    if low.is_none() && high.is_none() {
        return Ok("\"-\"? (\"0\" | [1-9] [0-9]{0,14}) (\".\" [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?".into());
    }
    for (bound, (keyword, _)) in [(low, LOW), (high, HIGH)] {
        if bound.is_some_and(|bound| bound.at.fract() != 0.0) {
            return Err(Refusal::new(keyword, path));
        }
    }
    let inside = (low.is_none_or(|low| low.inside), high.is_none_or(|high| high.inside));
    let low = whole(low.map(|low| low.at), -FAR, LOW.0, path)?;
    let high = whole(high.map(|high| high.at), FAR, HIGH.0, path)?;
    let mut parts = Vec::new();
    if low < 0 {
        let near = if high < 0 { (high.unsigned_abs(), inside.1) } else { (0, false) };
        let negative = magnitudes(near, (low.unsigned_abs(), inside.0));
        parts.extend(negative.map(|negative| format!("\"-\" ({negative})")));
    }
    if high >= 0 {
        let near = if low < 0 { (0, true) } else { (low.unsigned_abs(), inside.0) };
        parts.extend(magnitudes(near, (high.unsigned_abs(), inside.1)));
    }
    if parts.is_empty() { Err(Refusal::new(LOW.0, path)) } else { Ok(parts.join(" | ")) }
}

fn whole(bound: Option<f64>, open: i64, keyword: &str, path: &str) -> Result<i64, Refusal> {
    match bound {
        None => Ok(open),
        // Exact: f64 holds these whole numbers.
        Some(at) if at.abs() <= FAR as f64 => Ok(at as i64),
        Some(_) => Err(Refusal::new(keyword, path)),
    }
}

/// Numbers from `low` to `high`, each a whole number and whether it belongs to them; None where there are none.
fn magnitudes(low: (u64, bool), high: (u64, bool)) -> Option<String> {
    let mut parts = Vec::new();
    if low.0 < high.0 {
        // Whole parts below `high` may have any fraction, but an excluded `low` needs one that is not 0.
        let first = if low.1 { low.0 } else { low.0 + 1 };
        if !low.1 {
            parts.push(format!("\"{}.\" [0-9]{{0,14}} [1-9]", low.0));
        }
        if first < high.0 {
            parts.push(format!("({}) (\".\" [0-9]{{1,15}})?", between(first, high.0 - 1)));
        }
    }
    if high.1 && (low.0 < high.0 || low.1) {
        parts.push(format!("\"{}\"", high.0));
    }
    (!parts.is_empty()).then(|| parts.join(" | "))
}

/// The whole numbers from `low` to `high`, without leading zeros.
fn between(low: u64, high: u64) -> String {
    let mut parts = Vec::new();
    let mut from = low;
    loop {
        let digits = from.to_string().len();
        // The last number of as many digits.
        let last = "9".repeat(digits).parse::<u64>().unwrap_or(u64::MAX).min(high);
        parts.push(alike(from.to_string().as_bytes(), last.to_string().as_bytes()));
        if last == high {
            return parts.join(" | ");
        }
        from = last + 1;
    }
}

/// Numbers between two of as many digits.
fn alike(low: &[u8], high: &[u8]) -> String {
    let (Some((&first, low)), Some((&last, high))) = (low.split_first(), high.split_first()) else {
        return String::new();
    };
    let digit = |from: u8, to: u8| {
        let (from, to) = (char::from(from), char::from(to));
        if from == to { format!("\"{from}\"") } else { format!("[{from}-{to}]") }
    };
    let then = |head: String, tail: String| {
        if tail.is_empty() { head } else { format!("{head} {tail}") }
    };
    let any = match low.len() {
        0 => String::new(),
        1 => "[0-9]".to_string(),
        more => format!("[0-9]{{{more}}}"),
    };
    if first == last {
        return then(digit(first, last), grouped(alike(low, high)));
    }
    let (zeros, nines) = (vec![b'0'; low.len()], vec![b'9'; low.len()]);
    let (mut parts, mut from, mut to) = (Vec::new(), first, last);
    if low != zeros {
        parts.push(then(digit(first, first), grouped(alike(low, &nines))));
        from += 1;
    }
    if high != nines {
        to -= 1;
    }
    if from <= to {
        parts.push(then(digit(from, to), any));
    }
    if high != nines {
        parts.push(then(digit(last, last), grouped(alike(&zeros, high))));
    }
    parts.join(" | ")
}

fn grouped(text: String) -> String {
    if text.contains(" | ") { format!("({text})") } else { text }
}
