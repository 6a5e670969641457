//! Which token means what, in both versions of the tokenizer.
//!
//! An event is a row of eight tokens: its kind, its parameters in a fixed order, padding. Every parameter owns a
//! range of tokens, so a token tells which parameter it is of.

/// Tokens in a row.
pub const ROW: usize = 8;
/// Fills rows up.
pub const PAD: u32 = 0;
/// Opens a piece.
pub const BOS: u32 = 1;
/// Closes a piece.
pub const EOS: u32 = 2;
/// The first event kind's token.
const FIRST_KIND: u32 = 3;

/// A row of tokens.
pub type Row = [u32; ROW];

/// Version of the tokenizer; v2 adds time and key signatures and puts a note's duration last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Four kinds of event, 3239 tokens.
    V1,
    /// Six kinds of event, 3406 tokens.
    V2,
}

/// Kind of an event, in the order of their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Note,
    PatchChange,
    ControlChange,
    SetTempo,
    TimeSignature,
    KeySignature,
}

/// A parameter of an event, in the order of their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Param {
    /// Beats since the event before.
    Time1,
    /// Sixteenths of a beat, from the beat's start.
    Time2,
    /// Sixteenths of a beat.
    Duration,
    /// Track, remapped where the tokenizer optimises.
    Track,
    /// MIDI channel; 9 is drums.
    Channel,
    /// MIDI key number.
    Pitch,
    /// 0 to 127.
    Velocity,
    /// General MIDI program.
    Patch,
    /// Controller's number.
    Controller,
    /// Controller's value.
    Value,
    /// Beats a minute, whole.
    Bpm,
    /// Numerator of a time signature, less one.
    Nn,
    /// Denominator of a time signature as power of two, less one.
    Dd,
    /// Sharps (positive) or flats, plus seven.
    Sf,
    /// 0 major, 1 minor.
    Mi,
}

const PARAMS: [Param; 15] = [
    Param::Time1,
    Param::Time2,
    Param::Duration,
    Param::Track,
    Param::Channel,
    Param::Pitch,
    Param::Velocity,
    Param::Patch,
    Param::Controller,
    Param::Value,
    Param::Bpm,
    Param::Nn,
    Param::Dd,
    Param::Sf,
    Param::Mi,
];

const KINDS: [Kind; 6] = [
    Kind::Note,
    Kind::PatchChange,
    Kind::ControlChange,
    Kind::SetTempo,
    Kind::TimeSignature,
    Kind::KeySignature,
];

impl Version {
    /// `v1` or `v2`, as configurations spell it.
    pub fn name(self) -> &'static str {
        match self {
            Version::V1 => "v1",
            Version::V2 => "v2",
        }
    }

    /// The version of that name.
    pub fn from_name(name: &str) -> Option<Version> {
        match name {
            "v1" => Some(Version::V1),
            "v2" => Some(Version::V2),
            _ => None,
        }
    }

    /// The kinds of event that this version knows, in the order of their tokens.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Version::V1 => &KINDS[..4],
            Version::V2 => &KINDS,
        }
    }

    /// The parameters of a kind, in the order of their places in a row.
    pub fn params(self, kind: Kind) -> &'static [Param] {
        use Param::*;
        match (kind, self) {
            (Kind::Note, Version::V1) => &[Time1, Time2, Track, Duration, Channel, Pitch, Velocity],
            (Kind::Note, Version::V2) => &[Time1, Time2, Track, Channel, Pitch, Velocity, Duration],
            (Kind::PatchChange, _) => &[Time1, Time2, Track, Channel, Patch],
            (Kind::ControlChange, _) => &[Time1, Time2, Track, Channel, Controller, Value],
            (Kind::SetTempo, _) => &[Time1, Time2, Track, Bpm],
            (Kind::TimeSignature, _) => &[Time1, Time2, Track, Nn, Dd],
            (Kind::KeySignature, _) => &[Time1, Time2, Track, Sf, Mi],
        }
    }

    fn param_count(self) -> usize {
        match self {
            Version::V1 => 11,
            Version::V2 => PARAMS.len(),
        }
    }

    /// How many values a parameter has.
    pub fn size(self, param: Param) -> u32 {
        match param {
            Param::Time2 | Param::Channel | Param::Nn => 16,
            Param::Duration => 2048,
            Param::Bpm => match self {
                Version::V1 => 256,
                Version::V2 => 384,
            },
            Param::Dd => 4,
            Param::Sf => 15,
            Param::Mi => 2,
            _ => 128,
        }
    }

    /// The token of a parameter's value 0.
    pub fn first(self, param: Param) -> u32 {
        let kinds = self.kinds().len() as u32;
        let before = PARAMS.iter().take_while(|&&p| p != param);
        FIRST_KIND + kinds + before.map(|&p| self.size(p)).sum::<u32>()
    }

    /// Number of tokens in all.
    pub fn vocab_size(self) -> usize {
        let last = PARAMS[self.param_count() - 1];
        (self.first(last) + self.size(last)) as usize
    }

    /// The token of a kind.
    pub fn kind_token(self, kind: Kind) -> u32 {
        FIRST_KIND + kind as u32
    }

    /// The kind that a token stands for.
    pub fn kind_of(self, token: u32) -> Option<Kind> {
        let index = token.checked_sub(FIRST_KIND)? as usize;
        self.kinds().get(index).copied()
    }
}

/// A row that holds one special token.
pub fn special(token: u32) -> Row {
    let mut row = [PAD; ROW];
    row[0] = token;
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_published_ones() {
        assert_eq!(Version::V1.vocab_size(), 3239);
        assert_eq!(Version::V2.vocab_size(), 3406);
    }

    #[test]
    fn ranges_follow_one_another() {
        for version in [Version::V1, Version::V2] {
            let mut next = FIRST_KIND + version.kinds().len() as u32;
            for &param in &PARAMS[..version.param_count()] {
                assert_eq!(version.first(param), next);
                next += version.size(param);
            }
            assert_eq!(next as usize, version.vocab_size());
            for &kind in version.kinds() {
                assert_eq!(version.kind_of(version.kind_token(kind)), Some(kind));
                assert!(version.params(kind).len() < ROW);
            }
            assert_eq!(version.kind_of(EOS), None);
        }
    }
}
