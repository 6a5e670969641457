//! Standard MIDI files, read into scores (notes with durations) and written from them. Parsing is midly's; which
//! imperfect files are taken, and how, is decided here.

mod read;
mod write;

pub use read::{Reading, read};
pub use write::write;

/// Notes and settings of all tracks, in ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Ticks in a quarter note; above 0.
    pub ticks_per_beat: i64,
    /// The tracks, each in the order in which its events end.
    pub tracks: Vec<Vec<ScoreEvent>>,
}

/// An event and when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreEvent {
    /// Ticks from the piece's start.
    pub time: i64,
    /// What happens.
    pub what: What,
}

/// What the tokenizer knows of MIDI. Numbers are as in the file, also where they are out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum What {
    /// Duration in ticks.
    Note {
        duration: i64,
        channel: i64,
        pitch: i64,
        velocity: i64,
    },
    Patch {
        channel: i64,
        patch: i64,
    },
    Control {
        channel: i64,
        controller: i64,
        value: i64,
    },
    /// Microseconds a quarter note.
    Tempo {
        micros: i64,
    },
    /// The denominator is a power of two.
    TimeSignature {
        numerator: i64,
        denominator_power: i64,
        clocks: u8,
        notes_32: u8,
    },
    /// Sharps, or flats as negative numbers; 1 for minor.
    KeySignature {
        sharps: i64,
        minor: i64,
    },
}
