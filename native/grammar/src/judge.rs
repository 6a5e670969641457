//! Following a text through a grammar, byte by byte, and saying where it leaves it.

use std::time::{Duration, Instant};

use crate::limits::{self, MAX_SECONDS, MAX_TEXT};
use crate::place::Place;
use crate::problem::{Code, Problem};

/// How far a text follows a grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// All of the text may begin an answer.
    pub ok: bool,
    /// All of the text is an answer.
    pub complete: bool,
    /// How much of the text fits, in UTF-16 units.
    pub position: usize,
    /// The same as line and column.
    pub place: Place,
    /// What could come at `position`, for people; only where the text went wrong or was asked about as a whole.
    pub expected: Vec<String>,
}

impl Verdict {
    /// As one JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "ok": self.ok,
            "complete": self.complete,
            "position": self.position,
            "line": self.place.line,
            "column": self.place.column,
            "expected": self.expected,
        })
    }
}

/// Follows a text as it comes. After a piece that does not fit, further pieces change nothing.
pub struct Matcher {
    inner: llguidance::Matcher,
    fresh: llguidance::Matcher,
    bytes: usize,
    position: usize,
    place: Place,
    failed: Option<Verdict>,
}

/// Bytes between two looks at the clock.
const CHUNK: usize = 64;

const START: Place = Place { line: 1, column: 1 };

impl Matcher {
    pub(crate) fn new(fresh: llguidance::Matcher) -> Self {
        Matcher { inner: fresh.deep_clone(), fresh, bytes: 0, position: 0, place: START, failed: None }
    }

    /// Back to the beginning.
    pub fn reset(&mut self) {
        self.inner = self.fresh.deep_clone();
        (self.bytes, self.position, self.place, self.failed) = (0, 0, START, None);
    }

    /// Takes the next piece and judges everything since the beginning.
    ///
    /// # Errors
    /// The text is too long, or the grammar too ambiguous to follow any further.
    pub fn push(&mut self, piece: &str) -> Result<Verdict, Problem> {
        if let Some(verdict) = &self.failed {
            return Ok(verdict.clone());
        }
        self.bytes += piece.len();
        if self.bytes > MAX_TEXT {
            let message = format!("The text is longer than {} MiB.", MAX_TEXT >> 20);
            return Err(Problem::new(Code::TooLarge, Place::NONE, message));
        }
        let fitting = self.follow(piece.as_bytes())?;
        self.advance(&piece[..crate::place::floor(piece, fitting)]);
        let ok = fitting == piece.len();
        let complete = ok && self.inner.is_accepting().map_err(|error| too_hard(&error.to_string()))?;
        let mut verdict =
            Verdict { ok, complete, position: self.position, place: self.place, expected: Vec::new() };
        if !ok {
            verdict.expected = self.expected();
            self.failed = Some(verdict.clone());
        }
        Ok(verdict)
    }

    /// How many of the bytes fit. Looks at the clock now and then: an ambiguous grammar may take milliseconds a byte.
    fn follow(&mut self, bytes: &[u8]) -> Result<usize, Problem> {
        let until = Instant::now() + Duration::from_secs(MAX_SECONDS);
        let mut fitting = 0;
        for chunk in bytes.chunks(CHUNK) {
            let tokens: Vec<u32> = chunk.iter().copied().map(u32::from).collect();
            let taken =
                self.inner.try_consume_tokens(&tokens).map_err(|error| too_hard(&error.to_string()))?;
            fitting += taken;
            if taken < chunk.len() {
                break;
            }
            if Instant::now() > until {
                return Err(too_hard(&format!("{fitting} bytes took {MAX_SECONDS} seconds")));
            }
        }
        Ok(fitting)
    }

    fn advance(&mut self, fitting: &str) {
        for c in fitting.chars() {
            self.position += c.len_utf16();
            if c == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += c.len_utf16() as u32;
            }
        }
    }

    /// What could come next, for people.
    pub fn expected(&mut self) -> Vec<String> {
        let accepting = self.inner.is_accepting().unwrap_or(false);
        let Ok(next) = self.next_bytes() else {
            return Vec::new();
        };
        let mut said = Vec::new();
        if next.len() == 1 && !accepting {
            let forced = self.inner.compute_ff_bytes();
            let text = String::from_utf8_lossy(&forced);
            if !forced.is_empty() && !text.contains('\u{fffd}') {
                said.push(quoted(&text));
            }
        }
        if said.is_empty() {
            said = describe(&next);
        }
        if accepting {
            said.push("the end".into());
        }
        said
    }

    /// The bytes that may come next, in order; none when the text can only end.
    pub(crate) fn next_bytes(&mut self) -> Result<Vec<u8>, Problem> {
        let mask = self.inner.compute_mask_or_eos().map_err(|error| too_hard(&error.to_string()))?;
        Ok((0..=255u8).filter(|byte| mask.is_allowed(u32::from(*byte))).collect())
    }

    /// Takes one byte that [`Matcher::next_bytes`] allowed.
    pub(crate) fn push_byte(&mut self, byte: u8) -> Result<(), Problem> {
        self.inner.consume_token(u32::from(byte)).map_err(|error| too_hard(&error.to_string()))
    }

    pub(crate) fn is_accepting(&mut self) -> bool {
        self.inner.is_accepting().unwrap_or(false)
    }
}

/// llguidance gave up on the way.
fn too_hard(error: &str) -> Problem {
    let line = error.lines().next().unwrap_or_default();
    if line.contains("panic") {
        return limits::internal(format!("The grammar's judge failed: {line}"));
    }
    Problem::new(
        Code::TooLarge,
        Place::NONE,
        format!("The grammar is too ambiguous to follow any further: {line}."),
    )
}

fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("{shown:?}")
}

/// Bytes in words: ranges of letters and digits, single characters, names of blanks. Bytes beyond ASCII are told as
/// one, since they are parts of characters.
fn describe(bytes: &[u8]) -> Vec<String> {
    let has = |byte: u8| bytes.binary_search(&byte).is_ok();
    let printable = (0x21..0x7f).filter(|byte| has(*byte)).count();
    if printable >= 80 {
        let missing: Vec<String> = (0x20..0x7fu8)
            .filter(|byte| !has(*byte))
            .map(|byte| quoted(&char::from(byte).to_string()))
            .collect();
        return vec![if missing.is_empty() {
            "any character".into()
        } else {
            format!("any character but {}", missing.join(" "))
        }];
    }
    let mut said = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let first = bytes[at];
        let mut last = first;
        let same_sort = |byte: u8| {
            (first.is_ascii_digit() && byte.is_ascii_digit())
                || (first.is_ascii_lowercase() && byte.is_ascii_lowercase())
                || (first.is_ascii_uppercase() && byte.is_ascii_uppercase())
        };
        while at + 1 < bytes.len() && bytes[at + 1] == last + 1 && same_sort(bytes[at + 1]) {
            at += 1;
            last = bytes[at];
        }
        at += 1;
        match first {
            b' ' => said.push("a space".into()),
            b'\n' | b'\r' => said.push("a line break".into()),
            b'\t' => said.push("a tab".into()),
            0x80.. => {
                said.push("a character beyond ASCII".into());
                break;
            }
            _ if last > first + 1 => said.push(format!("{} to {}", char::from(first), char::from(last))),
            _ => (first..=last).for_each(|byte| said.push(quoted(&char::from(byte).to_string()))),
        }
    }
    said.dedup();
    said.truncate(16);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_bytes_for_people() {
        assert_eq!(
            describe(b"\n\r \"-0123456789abx"),
            ["a line break", "a space", "\"\\\"\"", "\"-\"", "0 to 9", "\"a\"", "\"b\"", "\"x\""]
        );
        let most: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != b'"').collect();
        assert_eq!(describe(&most), ["any character but \"\\\"\""]);
        assert_eq!(describe(&[0xc3, 0xc4]), ["a character beyond ASCII"]);
    }
}
