//! What a composer asks for: a prompt from instruments, tempo, signatures and a seed; and the run that adds events
//! until there are enough.

use crate::error::{Error, Result};
use crate::sample::{Limits, Sampling};
use crate::session::Session;
use crate::tokenizer::{BOS, EOS, Event, Kind, Row, Version, event_of_row, special};

/// The drums' channel.
const DRUMS: u8 = 9;
/// Channels for instruments besides the drums.
const MOST_INSTRUMENTS: usize = 15;

/// What a piece begins with. Nothing given leaves it to the model.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    /// General MIDI programs.
    pub instruments: Vec<u8>,
    /// Program of the drum kit.
    pub drums: Option<u8>,
    /// Beats a minute.
    pub bpm: Option<u32>,
    /// Numerator, and denominator as a power of two.
    pub time_signature: Option<(u8, u8)>,
    /// Sharps (flats are negative), and whether minor.
    pub key: Option<(i8, bool)>,
}

impl Controls {
    /// Channels of the instruments and the drums, in the order of their tracks from 1.
    fn channels(&self) -> Vec<(u8, u8)> {
        let free = (0..16u8).filter(|&c| c != DRUMS);
        let mut list: Vec<(u8, u8)> = free.zip(self.instruments.iter().copied()).collect();
        list.extend(self.drums.map(|kit| (DRUMS, kit)));
        list
    }

    /// Rows for what is asked, in the original's order: behind bos, or behind a seed, at its last moment.
    pub fn prompt(&self, version: Version, seed: &[Row]) -> Result<Vec<Row>> {
        let bad = |what: String| Error::input("bad-value", what);
        if self.instruments.len() > MOST_INSTRUMENTS {
            let n = self.instruments.len();
            return Err(bad(format!("instruments: expected at most {MOST_INSTRUMENTS}, found {n}")));
        }
        let mut rows: Vec<Row> = seed.iter().copied().filter(|row| row[0] != EOS).collect();
        if rows.first().is_none_or(|row| row[0] != BOS) {
            rows.insert(0, special(BOS));
        }
        let t2 = rows.iter().rev().find_map(|row| event_of_row(version, row)).map_or(0, |event| event.t2);
        let mut say = |kind, track: i64, args: [i64; 4], what: &str| -> Result<()> {
            let row = Event { kind, t1: 0, t2, track, args }.row(version);
            rows.push(row.ok_or_else(|| {
                bad(format!("{what}: models of tokenizer {} have no tokens for it", version.name()))
            })?);
            Ok(())
        };
        if let Some((numerator, power)) = self.time_signature {
            let args = [i64::from(numerator) - 1, i64::from(power) - 1, 0, 0];
            say(Kind::TimeSignature, 0, args, "time signature")?;
        }
        if let Some((sharps, minor)) = self.key {
            say(Kind::KeySignature, 0, [i64::from(sharps) + 7, minor.into(), 0, 0], "key")?;
        }
        if let Some(bpm) = self.bpm {
            say(Kind::SetTempo, 0, [bpm.into(), 0, 0, 0], "tempo")?;
        }
        for (i, (channel, patch)) in self.channels().into_iter().enumerate() {
            let args = [channel.into(), patch.into(), 0, 0];
            say(Kind::PatchChange, i as i64 + 1, args, "instrument")?;
        }
        Ok(rows)
    }

    /// Choosing instruments keeps them: no patch changes, no other channels. `no_channels` comes on top.
    pub fn limits(&self, no_patch_change: bool, no_control_change: bool, no_channels: u16) -> Limits {
        let chosen = !self.instruments.is_empty();
        let used = self.channels().iter().fold(0u16, |bits, (channel, _)| bits | 1 << channel);
        Limits {
            no_patch_change: no_patch_change || chosen,
            no_control_change,
            no_channels: no_channels | if chosen { !used } else { 0 },
            notes_alone: false,
        }
    }
}

/// Seconds of music: follows rows and their tempo.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    version: Version,
    bpm: f64,
    beats: f64,
    whole: i64,
    /// Since the piece's start, of the last event.
    pub seconds: f64,
}

impl Clock {
    /// At a piece's start, 120 beats a minute.
    pub fn new(version: Version) -> Clock {
        Clock { version, bpm: 120.0, beats: 0.0, whole: 0, seconds: 0.0 }
    }

    /// Goes on to a row's event.
    pub fn follow(&mut self, row: &Row) {
        let Some(event) = event_of_row(self.version, row) else { return };
        self.whole += event.t1;
        let beats = self.whole as f64 + event.t2 as f64 / 16.0;
        self.seconds += (beats - self.beats).max(0.0) * 60.0 / self.bpm;
        self.beats = self.beats.max(beats);
        if event.kind == Kind::SetTempo {
            self.bpm = event.args[0].max(1) as f64;
        }
    }
}

/// When a run is long enough.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// New events of each sequence.
    pub events: usize,
    /// Seconds of new music; 0: no bound.
    pub seconds: f64,
}

/// What the host answers between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Continue,
    /// End, and keep whole events.
    Keep,
    /// End; the run fails as cancelled.
    Cancel,
}

/// Adds events to the sequences of a started session until all have ended or are long enough.
pub fn run(
    session: &mut Session,
    sampling: &Sampling,
    limits: &Limits,
    length: &Length,
    ask: &dyn Fn() -> Answer,
    event: &mut dyn FnMut(usize, &Row),
) -> Result<()> {
    let version = session.model().config.version;
    let mut clocks: Vec<Clock> = (0..session.count())
        .map(|i| {
            let mut clock = Clock::new(version);
            session.rows(i).iter().for_each(|row| clock.follow(row));
            clock
        })
        .collect();
    let begin: Vec<f64> = clocks.iter().map(|c| c.seconds).collect();
    for _ in 0..length.events {
        let stop = || ask() != Answer::Continue;
        let step = session.step(sampling, limits, &stop, &mut |i, row| {
            clocks[i].follow(row);
            event(i, row);
        });
        match step {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(_) if ask() == Answer::Keep => return Ok(()),
            Err(error) => return Err(error),
        }
        if length.seconds > 0.0 {
            for i in 0..clocks.len() {
                if clocks[i].seconds - begin[i] >= length.seconds {
                    session.end(i);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_built_as_the_original_builds_them() {
        let controls = Controls {
            instruments: vec![0, 40],
            drums: Some(8),
            bpm: Some(96),
            time_signature: Some((3, 2)),
            key: Some((-1, true)),
        };
        let rows = controls.prompt(Version::V2, &[]).unwrap();
        let events: Vec<_> = rows.iter().filter_map(|row| event_of_row(Version::V2, row)).collect();
        let said: Vec<_> = events.iter().map(|e| (e.kind, e.track, e.args)).collect();
        assert_eq!(rows[0], special(BOS));
        assert_eq!(
            said,
            [
                (Kind::TimeSignature, 0, [2, 1, 0, 0]),
                (Kind::KeySignature, 0, [6, 1, 0, 0]),
                (Kind::SetTempo, 0, [96, 0, 0, 0]),
                (Kind::PatchChange, 1, [0, 0, 0, 0]),
                (Kind::PatchChange, 2, [1, 40, 0, 0]),
                (Kind::PatchChange, 3, [9, 8, 0, 0]),
            ]
        );
        let limits = controls.limits(false, true, 0);
        assert!(limits.no_patch_change && limits.no_control_change);
        assert_eq!(limits.no_channels, !0b10_0000_0011);
        assert_eq!(Controls::default().limits(false, false, 4).no_channels, 4);
    }

    #[test]
    fn what_a_version_cannot_say_is_refused() {
        let key = Controls { key: Some((0, false)), ..Controls::default() };
        assert!(key.prompt(Version::V1, &[]).unwrap_err().message.contains("key"));
        let fast = Controls { bpm: Some(384), ..Controls::default() };
        assert!(fast.prompt(Version::V2, &[]).unwrap_err().message.contains("tempo"));
        let many = Controls { instruments: vec![0; 16], ..Controls::default() };
        assert!(many.prompt(Version::V2, &[]).is_err());
    }

    #[test]
    fn fifteen_instruments_pass_by_the_drums() {
        let controls = Controls { instruments: (0..15).collect(), ..Controls::default() };
        let channels: Vec<u8> = controls.channels().iter().map(|(c, _)| *c).collect();
        assert_eq!(channels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn the_clock_follows_tempo() {
        let event = |kind, t1, t2, arg| Event { kind, t1, t2, track: 0, args: [arg, 0, 0, 0] };
        let mut clock = Clock::new(Version::V2);
        for e in [event(Kind::Note, 2, 0, 0), event(Kind::SetTempo, 0, 8, 60), event(Kind::Note, 1, 8, 0)] {
            clock.follow(&e.row(Version::V2).unwrap());
        }
        assert!((clock.seconds - (1.25 + 1.0)).abs() < 1e-9, "{}", clock.seconds);
    }
}
