//! Carries the C interfaces of the Rust crates into one static library. A new crate is one line here and one in
//! Cargo.toml.

pub use skytnt_midi::capi::*;
pub use sluice_grammar::capi::*;
