//! What is wrong with a grammar, said so that its author can mend it.

use crate::place::Place;

/// What sort of fault a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The text does not follow its notation.
    Syntax,
    /// A JSON Schema keyword, or a use of it, that cannot be enforced.
    UnsupportedKeyword,
    /// Well-formed, but without meaning: an unknown rule, a keyword's value of the wrong type.
    Invalid,
    /// Larger, deeper or more ambiguous than the limits allow.
    TooLarge,
    /// No text at all would be accepted.
    Unsatisfiable,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Code::Syntax => "syntax",
            Code::UnsupportedKeyword => "unsupported-keyword",
            Code::Invalid => "invalid",
            Code::TooLarge => "too-large",
            Code::Unsatisfiable => "unsatisfiable",
            Code::Internal => "internal",
        }
    }
}

/// One fault of a grammar, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The sort of fault.
    pub code: Code,
    /// Where it is; both numbers are 0 where no place can be told.
    pub place: Place,
    /// A sentence: what was expected, what was found.
    pub message: String,
    /// The JSON Schema keyword at fault.
    pub keyword: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        Problem { code, place, message: message.into(), keyword: None }
    }

    /// The same, naming a JSON Schema keyword.
    pub fn with_keyword(mut self, keyword: &str) -> Self {
        self.keyword = Some(keyword.to_string());
        self
    }

    /// As one JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({
            "code": self.code.word(),
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
        });
        if let Some(keyword) = &self.keyword {
            value["keyword"] = keyword.clone().into();
        }
        value
    }
}
