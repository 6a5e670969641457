//! From notes and controls to tokens and back.

pub mod vocab;
