//! Grammars that constrain a language model's answers: GBNF, llguidance's Lark and JSON Schema are checked, explained
//! and used to judge texts. Does not talk to a server and holds no model: it works on bytes, not on tokens.
//!
//! A grammar is compiled here before it is sent anywhere, because a server that is given an invalid one may answer
//! without any constraint. Whatever comes in is bounded in time and memory ([`limits`]) and may be hostile.
//!
//! ```
//! use sluice_grammar::{Grammar, Kind};
//! let yes_or_no = Grammar::compile(Kind::Gbnf, r#"root ::= "yes" | "no""#, false).unwrap();
//! assert!(yes_or_no.judge("yes").unwrap().complete);
//! let verdict = yes_or_no.judge("yep").unwrap();
//! assert_eq!((verdict.ok, verdict.position), (false, 2));
//! ```

pub mod capi;
mod engine;
mod explain;
mod gbnf;
mod grammar;
mod judge;
mod lark;
pub mod limits;
mod marker;
mod place;
mod problem;
mod random;
mod schema;
mod spans;

pub use explain::Explanation;
pub use grammar::{Grammar, Kind};
pub use judge::{Matcher, Verdict};
pub use problem::{Code, Problem};
