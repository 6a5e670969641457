//! llama.cpp's grammar notation: read, checked, and translated for llguidance. What llama.cpp would refuse, or read in
//! another way than it is written, is refused here with a place.

mod check;
mod parse;
#[cfg(test)]
mod properties;
mod translate;

pub use check::check;
pub use parse::parse;
pub use translate::to_lark;

/// A grammar's rules; rule 0 is not special, [`Gbnf::root`] is.
#[derive(Debug, Clone)]
pub struct Gbnf {
    /// In the order of their definitions.
    pub rules: Vec<Rule>,
    /// Index of the rule called `root`.
    pub root: usize,
}

/// One definition.
#[derive(Debug, Clone)]
pub struct Rule {
    /// As written.
    pub name: String,
    /// Byte offset of its name.
    pub at: usize,
    /// What it stands for.
    pub body: Node,
}

/// An expression.
#[derive(Debug, Clone)]
pub enum Node {
    /// Alternatives, any of which may be an empty sequence.
    Choice(Vec<Node>),
    /// One after the other.
    Sequence(Vec<Node>),
    /// A text of at least one character.
    Literal(String),
    /// One character in, or with `negated` outside, the ranges (inclusive).
    Class {
        /// `[^…]`
        negated: bool,
        /// At least one, each in order.
        ranges: Vec<(char, char)>,
    },
    /// Any one character.
    Any,
    /// Another rule by its index.
    Reference(usize),
    /// Several times; `max` None is without limit. The offset is the operator's.
    Repeat {
        /// What is repeated.
        inner: Box<Node>,
        /// At least.
        min: u64,
        /// At most.
        max: Option<u64>,
        /// Byte offset of the operator.
        at: usize,
    },
}
