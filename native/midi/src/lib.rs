//! SkyTNT's MIDI transformer: reads .mid files, turns them into tokens, continues them and writes them back.
//!
//! Not here: audio, a user's settings, downloads, the network. No global state: everything hangs off values.

pub mod capi;
pub mod compose;
mod error;
pub mod kernels;
pub mod midi;
pub mod model;
pub mod pool;
pub mod sample;
pub mod session;
pub mod tokenizer;

pub use error::{Error, Result, Status};
