//! Writing scores as .mid files: format 0 for one track, format 1 for several.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind};

use super::{Score, What};
use crate::error::{Error, Result};

/// The bytes of a .mid file. A score without tracks becomes a file with one empty track.
pub fn write(score: &Score) -> Result<Vec<u8>> {
    let ticks = u16::try_from(score.ticks_per_beat).ok().filter(|&t| t > 0 && t < 0x8000);
    let Some(ticks) = ticks else {
        let message = format!("expected 1 to 32767 ticks a beat, found {}", score.ticks_per_beat);
        return Err(Error::input("bad-division", message));
    };
    // Byte for byte what the original writes where nothing is to be written.
    let ticks = if score.tracks.is_empty() { 1000 } else { ticks };
    let mut tracks = score.tracks.iter().map(|track| write_track(track)).collect::<Vec<_>>();
    if tracks.is_empty() {
        tracks.push(write_track(&[]));
    }
    let format = if tracks.len() == 1 { Format::SingleTrack } else { Format::Parallel };
    let smf = Smf { header: Header::new(format, Timing::Metrical(u15::new(ticks))), tracks };
    let mut bytes = Vec::new();
    smf.write_std(&mut bytes).map_err(|cause| Error::input("cannot-write", cause.to_string()))?;
    Ok(bytes)
}

fn write_track(events: &[super::ScoreEvent]) -> Track<'static> {
    let mut timed: Vec<(i64, TrackEventKind<'static>)> = Vec::with_capacity(events.len() * 2);
    for event in events {
        timed.push((event.time, kind(&event.what, true)));
        if let What::Note { duration, .. } = event.what {
            timed.push((event.time + duration, kind(&event.what, false)));
        }
    }
    timed.sort_by_key(|&(time, _)| time);
    let mut now = 0;
    let mut track = Track::with_capacity(timed.len() + 1);
    for (time, kind) in timed {
        track.push(TrackEvent { delta: u28::new(((time - now).max(0) as u32) & 0x0fff_ffff), kind });
        now = time;
    }
    let end = TrackEventKind::Meta(MetaMessage::EndOfTrack);
    track.push(TrackEvent { delta: u28::new(0), kind: end });
    track
}

fn kind(what: &What, begins: bool) -> TrackEventKind<'static> {
    let low = |value: i64| u7::new((value & 0x7f) as u8);
    let midi =
        |channel: i64, message| TrackEventKind::Midi { channel: u4::new((channel & 15) as u8), message };
    match *what {
        What::Note { channel, pitch, velocity, .. } => {
            let (key, vel) = (low(pitch), low(velocity));
            midi(
                channel,
                if begins { MidiMessage::NoteOn { key, vel } } else { MidiMessage::NoteOff { key, vel } },
            )
        }
        What::Patch { channel, patch } => midi(channel, MidiMessage::ProgramChange { program: low(patch) }),
        What::Control { channel, controller, value } => {
            midi(channel, MidiMessage::Controller { controller: low(controller), value: low(value) })
        }
        What::Tempo { micros } => {
            TrackEventKind::Meta(MetaMessage::Tempo(u24::new((micros & 0x00ff_ffff) as u32)))
        }
        What::TimeSignature { numerator, denominator_power, clocks, notes_32 } => {
            let (nn, dd) = (numerator as u8, denominator_power as u8);
            TrackEventKind::Meta(MetaMessage::TimeSignature(nn, dd, clocks, notes_32))
        }
        What::KeySignature { sharps, minor } => {
            TrackEventKind::Meta(MetaMessage::KeySignature(sharps as i8, minor != 0))
        }
    }
}
