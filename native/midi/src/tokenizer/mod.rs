//! From scores to tokens and back, as the original does it.

mod decode;
mod encode;
mod keys;
mod setup;
pub mod vocab;

pub use decode::{decode, event_of_row};
pub use encode::{Encoded, Options, encode};
pub use vocab::{BOS, EOS, Kind, PAD, Param, ROW, Row, Version, special};

/// One event as numbers: parameters from the track on, notes as channel, pitch, velocity, duration in both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub kind: Kind,
    /// Beats: from the piece's start while encoding, since the event before in a row.
    pub t1: i64,
    /// Sixteenths within the beat.
    pub t2: i64,
    /// Track.
    pub track: i64,
    /// The parameters after the track, in v2's order.
    pub args: [i64; 4],
}

impl Event {
    /// The value of a parameter.
    pub fn get(&self, param: Param) -> i64 {
        match param {
            Param::Time1 => self.t1,
            Param::Time2 => self.t2,
            Param::Track => self.track,
            Param::Channel | Param::Bpm | Param::Nn | Param::Sf => self.args[0],
            Param::Pitch | Param::Patch | Param::Controller | Param::Dd | Param::Mi => self.args[1],
            Param::Velocity | Param::Value => self.args[2],
            Param::Duration => self.args[3],
        }
    }

    fn set(&mut self, param: Param, value: i64) {
        match param {
            Param::Time1 => self.t1 = value,
            Param::Time2 => self.t2 = value,
            Param::Track => self.track = value,
            Param::Channel | Param::Bpm | Param::Nn | Param::Sf => self.args[0] = value,
            Param::Pitch | Param::Patch | Param::Controller | Param::Dd | Param::Mi => self.args[1] = value,
            Param::Velocity | Param::Value => self.args[2] = value,
            Param::Duration => self.args[3] = value,
        }
    }

    /// Its row, or nothing when a parameter is out of range or the version does not know the kind.
    pub fn row(&self, version: Version) -> Option<Row> {
        if !version.kinds().contains(&self.kind) {
            return None;
        }
        let mut row = [PAD; ROW];
        row[0] = version.kind_token(self.kind);
        for (slot, &param) in row[1..].iter_mut().zip(version.params(self.kind)) {
            let value = self.get(param);
            if !(0..i64::from(version.size(param))).contains(&value) {
                return None;
            }
            *slot = version.first(param) + value as u32;
        }
        Some(row)
    }
}
