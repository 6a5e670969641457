//! Byte offsets as lines and columns.

/// A place in a text. Lines and columns count from 1, columns in UTF-16 units, as editors and JavaScript count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 0 where no place can be told.
    pub line: u32,
    /// 0 where no place can be told.
    pub column: u32,
}

impl Place {
    /// No place can be told.
    pub const NONE: Place = Place { line: 0, column: 0 };

    /// The place of a byte offset; beyond the end, or inside a character, the nearest boundary before it.
    pub fn of(text: &str, offset: usize) -> Place {
        let before = &text[..floor(text, offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
        Place { line, column: utf16_len(&before[line_start..]) as u32 + 1 }
    }

    /// A place that counts a line's bytes, as llguidance does, in UTF-16 units.
    pub fn from_bytes(text: &str, line: usize, byte_column: usize) -> Place {
        let Some(content) = text.split('\n').nth(line.saturating_sub(1)) else {
            return Place::NONE;
        };
        let before = &content[..floor(content, byte_column.saturating_sub(1))];
        Place { line: line as u32, column: utf16_len(before) as u32 + 1 }
    }
}

/// The nearest character boundary at or before an offset.
pub fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// How long JavaScript says that a text is.
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units() {
        let text = "a\né😀x";
        assert_eq!(Place::of(text, 0), Place { line: 1, column: 1 });
        assert_eq!(Place::of(text, text.len() - 1), Place { line: 2, column: 4 });
        assert_eq!(Place::of(text, 5), Place { line: 2, column: 2 }); // inside the emoji
        assert_eq!(Place::of(text, 999), Place { line: 2, column: 5 });
        assert_eq!(Place::from_bytes(text, 2, 7), Place { line: 2, column: 4 });
        assert_eq!(Place::from_bytes(text, 9, 1), Place::NONE);
    }
}
