//! SkyTNT's MIDI transformer: reads .mid files, turns them into tokens, continues them and writes them back.
//!
//! Not here: audio, a user's settings, downloads, the network. No global state: everything hangs off values.

pub mod capi;
pub mod tokenizer;
