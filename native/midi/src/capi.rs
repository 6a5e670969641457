//! The C interface. No panic crosses it, and every struct that a host fills begins with its size.

/// Grows when a host that was built against an older header would misread something.
pub const SKYTNT_MIDI_API_VERSION: u32 = 1;

/// `SKYTNT_MIDI_API_VERSION` of the library that was linked, for comparison with the header's.
#[unsafe(no_mangle)]
pub extern "C" fn skytnt_midi_api_version() -> u32 {
    SKYTNT_MIDI_API_VERSION
}
