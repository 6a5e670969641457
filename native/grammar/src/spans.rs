//! JSON with the place of everything in it, for messages that point. Values themselves are serde_json's business.

use crate::limits::MAX_DEPTH;

/// A value and where its text begins and ends, in bytes.
#[derive(Debug, Clone)]
pub struct Node {
    /// Offset of the first byte.
    pub start: usize,
    /// What it is.
    pub value: Value,
}

/// JSON's kinds. Numbers and words stay text.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`, `true`, `false`
    Word(&'static str),
    /// A number, as written.
    Number(String),
    /// A text, unescaped.
    Text(String),
    /// An array's items.
    Array(Vec<Node>),
    /// An object's members in order: name, where the name begins, value.
    Object(Vec<(String, usize, Node)>),
}

impl Node {
    /// What a person calls it.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Word("null") => "null",
            Value::Word(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// A member of an object.
    pub fn member(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Object(members) => members.iter().find(|(key, ..)| key == name).map(|(.., node)| node),
            _ => None,
        }
    }

    /// A string's text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Where a text stops being JSON, and why.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Byte offset.
    pub at: usize,
    /// A sentence.
    pub message: String,
    /// It nests too deeply.
    pub too_deep: bool,
}

/// Reads a whole text.
pub fn parse(text: &str) -> Result<Node, Fault> {
    let (node, end) = parse_prefix(text, 0)?;
    let mut reader = Reader { text, at: end, depth: 0 };
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.fault("The schema ends here, but more text follows.")),
    }
}

/// Reads one value that begins at or after `start`; also tells where it ends.
pub fn parse_prefix(text: &str, start: usize) -> Result<(Node, usize), Fault> {
    let mut reader = Reader { text, at: start, depth: 0 };
    let node = reader.value()?;
    Ok((node, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { at: self.at, message: message.into(), too_deep: false }
    }

    fn found(&self) -> String {
        match self.text[self.at..].chars().next() {
            None => "the end".into(),
            Some(other) => format!("{other:?}"),
        }
    }

    fn expected<T>(&self, what: &str) -> Result<T, Fault> {
        Err(self.fault(format!("Expected {what}, found {}.", self.found())))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Node, Fault> {
        self.space();
        let start = self.at;
        if self.depth > MAX_DEPTH {
            let message = format!("Brackets nest deeper than {MAX_DEPTH} levels.");
            return Err(Fault { at: start, message, too_deep: true });
        }
        let value = match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            _ => self.word()?,
        };
        Ok(Node { start, value })
    }

    fn word(&mut self) -> Result<Value, Fault> {
        for word in ["null", "true", "false"] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(Value::Word(word));
            }
        }
        self.expected("a JSON value")
    }

    fn number(&mut self) -> Result<String, Fault> {
        let rest = &self.text[self.at..];
        let length =
            rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let number = &rest[..length];
        match serde_json::from_str::<serde_json::Number>(number) {
            Ok(_) => {
                self.at += length;
                Ok(number.to_string())
            }
            Err(_) => Err(self.fault(format!("{number} is not a number in JSON."))),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..=0x1f) => {
                    return Err(self.fault(
                        "A string in JSON holds no line break and no tab as such: write \\n or \\t.",
                    ));
                }
                Some(_) => self.at += 1,
                None => {
                    self.at = start;
                    return Err(self.fault("This string does not end."));
                }
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(quoted).map_err(|_| {
            self.at = start;
            self.fault("This string holds an escape that JSON does not know.")
        })
    }

    fn array(&mut self) -> Result<Value, Fault> {
        self.at += 1;
        self.depth += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                items.push(self.value()?);
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.expected("',' or ']'"),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Array(items))
    }

    fn object(&mut self) -> Result<Value, Fault> {
        self.at += 1;
        self.depth += 1;
        let mut members: Vec<(String, usize, Node)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                self.space();
                let name_at = self.at;
                if self.peek() != Some(b'"') {
                    return self.expected("a name in double quotes");
                }
                let name = self.string()?;
                if !names.insert(name.clone()) {
                    self.at = name_at;
                    return Err(self.fault(format!("{name:?} is there twice.")));
                }
                self.space();
                if self.peek() != Some(b':') {
                    return self.expected("':'");
                }
                self.at += 1;
                let value = self.value()?;
                members.push((name, name_at, value));
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.expected("',' or '}'"),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads_and_refuses_what_it_refuses() {
        let texts = [
            "{}",
            "[1, -2.5e3, \"a\\u00e9\\n\", null, true]",
            "{\"a\": {\"b\": []}}",
            "  1 ",
            "",
            "{",
            "{\"a\"}",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "nul",
            "\"\\q\"",
            "\"a",
            "\"a\\",
            "\"\n\"",
            "1 2",
            "\"\\ud800\"",
            "é",
            "[é",
            "\"\\é\"",
        ];
        for text in texts {
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(parse(text).is_ok(), theirs, "{text}");
        }
    }

    #[test]
    fn tells_places() {
        let node = parse("{ \"a\": [1, {\"b\": \"c\"}] }").unwrap();
        let Value::Array(items) = &node.member("a").unwrap().value else { panic!() };
        assert_eq!(items[1].start, 11);
        assert_eq!(items[1].member("b").unwrap().text(), Some("c"));
        assert_eq!(parse("{\"a\":1,\"a\":2}").unwrap_err().at, 7);
        assert!(parse(&"[".repeat(100_000)).unwrap_err().too_deep);
    }
}
