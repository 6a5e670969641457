//! From rows of tokens to a score.

use std::collections::{BTreeMap, HashMap};

use super::Event;
use super::vocab::{Kind, PAD, ROW, Row, Version};
use crate::midi::{Score, ScoreEvent, What};

/// Ticks a beat of decoded scores; a sixteenth of a beat is a whole number of them.
const TICKS_PER_BEAT: i64 = 480;
const TICKS_PER_STEP: i64 = TICKS_PER_BEAT / 16;

/// The event that a row stands for; nothing for rows of specials and rows whose tokens do not fit their places.
pub fn event_of_row(version: Version, row: &Row) -> Option<Event> {
    let kind = version.kind_of(row[0])?;
    let mut event = Event { kind, t1: 0, t2: 0, track: 0, args: [0; 4] };
    for (i, &param) in version.params(kind).iter().enumerate() {
        let value = i64::from(row[i + 1]) - i64::from(version.first(param));
        if !(0..i64::from(version.size(param))).contains(&value) {
            return None;
        }
        event.set(param, value);
    }
    debug_assert!(ROW > version.params(kind).len() && row[0] != PAD);
    Some(event)
}

/// The score of rows, 480 ticks a beat. Rows that mean nothing are passed over; of overlapping notes of one pitch the
/// earlier is cut, and vanishes where nothing of it is left.
pub fn decode(version: Version, rows: &[Row]) -> Score {
    let mut tracks: BTreeMap<i64, Vec<ScoreEvent>> = BTreeMap::new();
    let mut beats = 0;
    for row in rows {
        let Some(event) = event_of_row(version, row) else { continue };
        beats += event.t1;
        let time = (beats * 16 + event.t2) * TICKS_PER_STEP;
        tracks.entry(event.track).or_default().push(ScoreEvent { time, what: what(&event) });
    }
    let tracks = tracks.into_values().map(without_overlap).collect();
    Score { ticks_per_beat: TICKS_PER_BEAT, tracks }
}

fn what(event: &Event) -> What {
    let [a, b, c, d] = event.args;
    match event.kind {
        Kind::Note => What::Note { duration: d * TICKS_PER_STEP, channel: a, pitch: b, velocity: c },
        Kind::PatchChange => What::Patch { channel: a, patch: b },
        Kind::ControlChange => What::Control { channel: a, controller: b, value: c },
        Kind::SetTempo => What::Tempo { micros: (60.0 / a.max(1) as f64 * 1e6) as i64 },
        Kind::TimeSignature => {
            What::TimeSignature { numerator: a + 1, denominator_power: b + 1, clocks: 24, notes_32: 8 }
        }
        Kind::KeySignature => What::KeySignature { sharps: a - 7, minor: b },
    }
}

fn without_overlap(mut track: Vec<ScoreEvent>) -> Vec<ScoreEvent> {
    track.sort_by_key(|event| event.time);
    let mut next: HashMap<(i64, i64), i64> = HashMap::new();
    for event in track.iter_mut().rev() {
        if let What::Note { duration, channel, pitch, .. } = &mut event.what
            && let Some(following) = next.insert((*channel, *pitch), event.time)
        {
            *duration = (*duration).min((following - event.time).max(0));
        }
    }
    track.retain(|event| !matches!(event.what, What::Note { duration: 0, .. }));
    track
}
