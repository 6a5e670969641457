//! Reading. Files are often imperfect: what can be read is read, and what was left out is told.

use std::collections::{HashMap, VecDeque};

use midly::{EventBytemapIter, MetaMessage, TrackEventKind};

use super::{Score, ScoreEvent, What};
use crate::error::{Error, Result};

/// A score and what a person should know about how it was read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What was read.
    pub score: Score,
    /// Sentences about what is missing or was bent.
    pub notices: Vec<String>,
}

/// Reads a .mid file. `strict` takes exactly what the original implementation takes (a track whose length runs past
/// the file's end is dropped with all that follow, a SMPTE division counts as ticks); otherwise as much as possible.
pub fn read(bytes: &[u8], strict: bool) -> Result<Reading> {
    let bytes = unwrap_riff(bytes);
    if bytes.len() < 14 || &bytes[..4] != b"MThd" {
        let found = match bytes.len() {
            0 => "an empty file".into(),
            n if n < 14 => format!("{n} bytes"),
            _ => format!("\"{}\"", bytes[..4].escape_ascii()),
        };
        let message =
            format!("expected a standard MIDI file (\"MThd\" and 10 bytes more at its start), found {found}");
        return Err(Error::input("not-midi", message));
    }
    let be16 = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let header = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
    if header < 6 || (strict && header != 6) {
        return Err(Error::input("not-midi", format!("expected a MIDI header of 6 bytes, found {header}")));
    }
    let mut notices = Vec::new();
    let division = be16(12);
    let ticks_per_beat = match division {
        0 => {
            let message = "expected a division above 0 in the MIDI header, found 0 ticks a beat";
            return Err(Error::input("bad-division", message));
        }
        d if d & 0x8000 != 0 && !strict => smpte_ticks(d, &mut notices)?,
        d => i64::from(d),
    };
    if be16(8) == 2 {
        notices.push(
            "a file of format 2 holds independent patterns; they are read as if they sounded together".into(),
        );
    }
    let tracks = read_tracks(bytes.get(8 + header..).unwrap_or(&[]), strict, &mut notices);
    if tracks.is_empty() {
        let promised = be16(10);
        return Err(Error::input(
            "no-track",
            format!("expected {promised} tracks after the MIDI header, found none"),
        ));
    }
    Ok(Reading { score: Score { ticks_per_beat, tracks }, notices })
}

/// RMID files wrap a standard one.
fn unwrap_riff(bytes: &[u8]) -> &[u8] {
    let wrapped = bytes.len() > 20 && &bytes[..4] == b"RIFF" && &bytes[8..16] == b"RMIDdata";
    if wrapped { &bytes[20..] } else { bytes }
}

/// Frames and ticks a frame say seconds, not beats: at 120 beats a minute a beat is half a second.
fn smpte_ticks(division: u16, notices: &mut Vec<String>) -> Result<i64> {
    let frames = -i64::from((division >> 8) as u8 as i8);
    let ticks = frames * i64::from(division & 0xff) / 2;
    if ticks <= 0 {
        return Err(Error::input("bad-division", format!("SMPTE division {division:#06x} has no ticks")));
    }
    notices.push(format!("time is in SMPTE frames ({frames} a second): taken as 120 beats a minute"));
    Ok(ticks)
}

fn read_tracks(mut rest: &[u8], strict: bool, notices: &mut Vec<String>) -> Vec<Vec<ScoreEvent>> {
    let mut tracks = Vec::new();
    while rest.len() >= 8 {
        let number = tracks.len() + 1;
        let is_track = &rest[..4] == b"MTrk";
        let length = u32::from_be_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize;
        rest = &rest[8..];
        if length > rest.len() {
            let part =
                format!("track {number} should have {length} bytes and the file ends after {}", rest.len());
            if strict {
                notices.push(format!("{part}; it is left out"));
                break;
            }
            notices.push(format!("{part}; these are read"));
        }
        let (body, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        if !is_track && !strict {
            continue; // the standard has readers pass over chunks that they do not know
        }
        tracks.push(read_track(body, number, notices));
    }
    tracks
}

/// Notes that sound, by channel and pitch: their starts and velocities, first in first out.
type Sounding = HashMap<(u8, u8), usize>;

/// When notes of one key began, and how loud.
type Starts = VecDeque<(i64, u8)>;

struct TrackReader {
    now: i64,
    events: Vec<ScoreEvent>,
    keys: Sounding,
    // In the order in which a key first sounded: that is how the original ends notes that nothing ends.
    open: Vec<((u8, u8), Starts)>,
}

impl TrackReader {
    fn push(&mut self, time: i64, what: What) {
        self.events.push(ScoreEvent { time, what });
    }

    fn note_on(&mut self, channel: u8, pitch: u8, velocity: u8) {
        let index = *self.keys.entry((channel, pitch)).or_insert_with(|| {
            self.open.push(((channel, pitch), Default::default()));
            self.open.len() - 1
        });
        self.open[index].1.push_back((self.now, velocity));
    }

    fn note_off(&mut self, channel: u8, pitch: u8) {
        let Some(&index) = self.keys.get(&(channel, pitch)) else { return };
        if let Some((time, velocity)) = self.open[index].1.pop_front() {
            self.push(time, note(self.now - time, channel, pitch, velocity));
        }
    }

    fn finish(mut self) -> Vec<ScoreEvent> {
        for ((channel, pitch), notes) in std::mem::take(&mut self.open) {
            for (time, velocity) in notes {
                self.push(time, note(self.now - time, channel, pitch, velocity));
            }
        }
        self.events
    }
}

fn note(duration: i64, channel: u8, pitch: u8, velocity: u8) -> What {
    What::Note { duration, channel: channel.into(), pitch: pitch.into(), velocity: velocity.into() }
}

fn read_track(body: &[u8], number: usize, notices: &mut Vec<String>) -> Vec<ScoreEvent> {
    let mut reader = TrackReader { now: 0, events: Vec::new(), keys: HashMap::new(), open: Vec::new() };
    let mut iter = EventBytemapIter::new(body);
    let mut running = None;
    loop {
        // midly drops the running status after meta events, as the standard says; files rely on it being kept.
        if iter.running_status().is_none() {
            *iter.running_status_mut() = running;
        }
        let rest = iter.unread();
        let (raw, event) = match iter.next() {
            Some(Ok(found)) => found,
            None if rest.is_empty() => break,
            _ => {
                if let Some(odd) = high_data(rest, running) {
                    reader.now += odd.delta;
                    running = Some(odd.status);
                    midi_event(&mut reader, odd.status & 15, odd.status >> 4, &rest[..odd.length]);
                    iter = EventBytemapIter::new(&rest[odd.length..]);
                    continue;
                }
                notices.push(format!("track {number} cannot be read past tick {}", reader.now));
                break;
            }
        };
        reader.now += i64::from(event.delta.as_int());
        match event.kind {
            TrackEventKind::Midi { channel, .. } => {
                running = iter.running_status();
                midi_event(&mut reader, channel.as_int(), running.unwrap_or(0) >> 4, raw);
            }
            TrackEventKind::Meta(MetaMessage::EndOfTrack) => break,
            TrackEventKind::Meta(meta) => meta_event(&mut reader, meta, raw),
            TrackEventKind::SysEx(_) | TrackEventKind::Escape(_) => {}
        }
    }
    reader.finish()
}

/// A channel event whose data bytes are above 127, which midly refuses. It is taken as it stands: the tokenizer drops
/// what is out of range, and the track goes on.
struct HighData {
    delta: i64,
    status: u8,
    /// Bytes of the event, its delta time included.
    length: usize,
}

fn high_data(bytes: &[u8], running: Option<u8>) -> Option<HighData> {
    let digits = bytes.iter().take(4).position(|b| b & 0x80 == 0)? + 1;
    let delta = bytes[..digits].iter().fold(0, |value, &b| value << 7 | i64::from(b & 0x7f));
    let (status, at) = match bytes.get(digits)? {
        &status if status & 0x80 != 0 => (status, digits + 1),
        _ => (running?, digits),
    };
    let data = match status >> 4 {
        0xC | 0xD => 1,
        0xF => return None,
        _ => 2,
    };
    (bytes.len() >= at + data).then_some(HighData { delta, status, length: at + data })
}

/// `raw` ends with the event's data bytes.
fn midi_event(reader: &mut TrackReader, channel: u8, kind: u8, raw: &[u8]) {
    let second = raw.last().copied().unwrap_or(0);
    let first = if raw.len() >= 2 { raw[raw.len() - 2] } else { 0 };
    match kind {
        0x8 => reader.note_off(channel, first),
        0x9 if second == 0 => reader.note_off(channel, first),
        0x9 => reader.note_on(channel, first, second),
        0xB => {
            let what =
                What::Control { channel: channel.into(), controller: first.into(), value: second.into() };
            reader.push(reader.now, what);
        }
        0xC => reader.push(reader.now, What::Patch { channel: channel.into(), patch: second.into() }),
        _ => {}
    }
}

fn meta_event(reader: &mut TrackReader, meta: MetaMessage<'_>, raw: &[u8]) {
    let what = match meta {
        MetaMessage::Tempo(micros) => What::Tempo { micros: micros.as_int().into() },
        MetaMessage::TimeSignature(numerator, denominator_power, clocks, notes_32) => What::TimeSignature {
            numerator: numerator.into(),
            denominator_power: denominator_power.into(),
            clocks,
            notes_32,
        },
        MetaMessage::KeySignature(sharps, minor) => {
            // midly reads the mode as a truth value; the file's byte tells 1 from what is no mode.
            let mode = match raw {
                [.., 2, _, mode] => i64::from(*mode),
                _ => minor.into(),
            };
            What::KeySignature { sharps: sharps.into(), minor: mode }
        }
        _ => return,
    };
    reader.push(reader.now, what);
}
