//! The C interface. No panic crosses it; structs that a host fills begin with their size, so that a newer library
//! reads an older host's. Strings are UTF-8 and end with 0. A model may be used from several threads at once; a
//! session from one at a time, save for `skytnt_midi_session_cancel`.

mod model;
mod session;
mod support;
mod tokens;

pub use model::*;
pub use session::*;
pub use support::{SkytntMidiError, skytnt_midi_bytes_free, skytnt_midi_rows_free, skytnt_midi_string_free};
pub use tokens::*;

/// Grows when a host that was built against an older header would misread something.
pub const SKYTNT_MIDI_API_VERSION: u32 = 1;
/// Tokens in a row.
pub const SKYTNT_MIDI_ROW: usize = 8;

/// `SKYTNT_MIDI_API_VERSION` of the library that was linked, for comparison with the header's.
#[unsafe(no_mangle)]
pub extern "C" fn skytnt_midi_api_version() -> u32 {
    SKYTNT_MIDI_API_VERSION
}
