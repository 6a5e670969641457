//! From a score to rows of tokens: quantising, dropping repeats, tidying tracks and channels.

use std::collections::HashMap;

use super::setup::fold_setup;
use super::vocab::{BOS, EOS, Kind, Param, Row, Version, special};
use super::{Event, keys};
use crate::midi::{Score, ScoreEvent, What};

/// The drums' channel.
pub(super) const DRUMS: i64 = 9;
/// More tracks than this have no tokens of their own.
const MOST_TRACKS: usize = 128;
/// Longest wait between two events that a row can say, in beats.
const LONGEST_WAIT: i64 = 127;
/// Longest note, in sixteenths of a beat.
const LONGEST_NOTE: i64 = 2047;
/// Silences are kept with a row for each 127 beats, up to so many rows; longer ones are shortened.
const MOST_CARRIERS: i64 = 8;

/// How a score is encoded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Version of the tokenizer.
    pub version: Version,
    /// Number tracks and channels anew.
    pub remap: bool,
    /// Add patch 0 where a channel with notes has none.
    pub default_instruments: bool,
    /// Leave out settings of channels without notes.
    pub remove_empty_channels: bool,
    /// A controller's change below this is dropped.
    pub control_step: i64,
    /// A tempo's change below this, in beats a minute, is dropped.
    pub tempo_step: i64,
    /// Exactly the original's rows, also where it drops music.
    pub strict: bool,
}

impl Options {
    /// The original's defaults; `optimise` is its `optimise_midi`.
    pub fn new(version: Version, optimise: bool) -> Options {
        Options {
            version,
            remap: optimise,
            default_instruments: optimise,
            remove_empty_channels: optimise,
            control_step: 4,
            tempo_step: 4,
            strict: false,
        }
    }
}

/// Rows, a bos and an eos row around them, and what a person should know.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The rows.
    pub rows: Vec<Row>,
    /// Sentences about what was left out or bent.
    pub notices: Vec<String>,
}

/// Encodes a score.
pub fn encode(score: &Score, options: &Options) -> Encoded {
    let mut notices = Vec::new();
    if score.tracks.len() > MOST_TRACKS {
        notices.push(format!("tracks after the {MOST_TRACKS}th of {} are left out", score.tracks.len()));
    }
    let mut piece = Piece::collect(score, options);
    if options.remap {
        piece.remap(options);
    } else {
        piece.empty_channels = piece.channels.iter().copied().filter(|&c| piece.silent[c as usize]).collect();
    }
    if options.default_instruments {
        piece.add_default_instruments();
    }
    if options.version == Version::V2 {
        piece.settle_keys(options.remap);
    }
    let mut events: Vec<Event> = piece.list.iter().map(|&i| piece.arena[i]).collect();
    let order = |e: &Event| (e.t1, e.t2, e.track, kind_order(options.version, e.kind));
    events.sort_by_key(order);
    let mut events = fold_setup(events, options.version, order);
    if options.remove_empty_channels {
        let emptied = |e: &Event| {
            matches!(e.kind, Kind::ControlChange | Kind::PatchChange)
                && piece.empty_channels.contains(&e.args[0])
        };
        events.retain(|e| !emptied(e));
    }
    let mut rows = vec![special(BOS)];
    write_rows(&events, options, &mut rows, &mut notices);
    rows.push(special(EOS));
    Encoded { rows, notices }
}

/// Order of kinds at the same time on the same track.
fn kind_order(version: Version, kind: Kind) -> u8 {
    match (version, kind) {
        (Version::V1, Kind::SetTempo) => 0,
        (_, Kind::TimeSignature) => 0,
        (_, Kind::KeySignature) => 1,
        (_, Kind::SetTempo) => 2,
        (_, Kind::PatchChange) => 3,
        (_, Kind::ControlChange) => 4,
        (_, Kind::Note) => 5,
    }
}

fn write_rows(events: &[Event], options: &Options, rows: &mut Vec<Row>, notices: &mut Vec<String>) {
    let version = options.version;
    let (mut last, mut bpm) = (0, 120);
    let (mut gaps, mut shortened, mut dropped, mut cut) = (0, 0, 0, 0);
    for event in events {
        let mut relative = *event;
        relative.t1 -= last;
        if !options.strict {
            if event.kind == Kind::Note && event.args[3] > LONGEST_NOTE {
                relative.args[3] = LONGEST_NOTE;
                cut += 1;
            }
            if relative.t1 > LONGEST_WAIT && (Event { t1: 0, ..relative }).row(version).is_some() {
                gaps += 1;
                let needed = (relative.t1 - 1) / LONGEST_WAIT;
                if needed > MOST_CARRIERS {
                    shortened += 1;
                }
                // A tempo that changes nothing carries the time.
                let carrier =
                    Event { kind: Kind::SetTempo, t1: LONGEST_WAIT, t2: 0, track: 0, args: [bpm, 0, 0, 0] };
                for _ in 0..needed.min(MOST_CARRIERS) {
                    rows.extend(carrier.row(version));
                }
                relative.t1 -= needed * LONGEST_WAIT;
            }
        }
        let Some(row) = relative.row(version) else {
            dropped += 1;
            continue;
        };
        if event.kind == Kind::SetTempo {
            bpm = event.args[0];
        }
        rows.push(row);
        last = event.t1;
    }
    if gaps > 0 {
        let carried = "silences of 128 beats or more were kept with tempo events that change nothing";
        notices.push(format!(
            "{gaps} {carried}{}",
            if shortened > 0 { "; the longest were shortened" } else { "" }
        ));
    }
    if cut > 0 {
        notices.push(format!("{cut} notes of 128 beats or more were cut to just below"));
    }
    if dropped > 0 {
        notices.push(format!("{dropped} of {} events have no tokens and were left out", events.len()));
    }
}

/// What makes two events the same: the later one replaces the earlier, in its place.
type Key = (Kind, i64, i64, i64, i64, i64);

fn key_of(e: &Event) -> Key {
    let (a, b) = match e.kind {
        Kind::Note | Kind::ControlChange => (e.args[0], e.args[1]),
        Kind::PatchChange => (e.args[0], -1),
        Kind::SetTempo | Kind::TimeSignature | Kind::KeySignature => (-1, -1),
    };
    (e.kind, e.t1, e.t2, e.track, a, b)
}

/// A piece while it is being tidied. Events live in `arena`; `list` is the piece, and events that were replaced stay
/// reachable for the key signatures, which the original keeps apart.
#[derive(Default)]
pub(super) struct Piece {
    pub arena: Vec<Event>,
    pub list: Vec<usize>,
    /// Channels in the order of their first event.
    pub channels: Vec<i64>,
    pub patch_channels: Vec<i64>,
    pub empty_channels: Vec<i64>,
    pub silent: [bool; 16],
    /// By channel: the tracks with events of it, in order, and their new numbers (0: none yet).
    pub track_map: [Vec<(i64, i64)>; 16],
    /// By channel: the tracks with notes of it, in order.
    pub note_tracks: [Vec<i64>; 16],
    /// First track with notes of a channel.
    pub first_track: Vec<(i64, i64)>,
    pub histogram: [u64; 12],
    pub key_signatures: Vec<usize>,
    /// By track, in order: the channels of its notes.
    pub track_channels: Vec<(i64, Vec<i64>)>,
}

/// An insertion-ordered map that keeps a key's place when its value is replaced.
#[derive(Default)]
struct Ordered {
    slots: Vec<Option<usize>>,
    places: HashMap<Key, usize>,
}

impl Ordered {
    fn insert(&mut self, key: Key, value: usize) {
        match self.places.get(&key) {
            Some(&place) => self.slots[place] = Some(value),
            None => {
                self.places.insert(key, self.slots.len());
                self.slots.push(Some(value));
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(place) = self.places.remove(key) {
            self.slots[place] = None;
        }
    }
}

pub(super) fn add_once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

impl Piece {
    fn collect(score: &Score, options: &Options) -> Piece {
        let mut piece = Piece { silent: [true; 16], ..Piece::default() };
        let mut events = Ordered::default();
        for (track, list) in score.tracks.iter().take(MOST_TRACKS).enumerate() {
            let mut reader = TrackEncoder::new(track as i64, score.ticks_per_beat, options);
            piece.track_channels.push((track as i64, Vec::new()));
            for event in list {
                reader.take(event, &mut piece, &mut events);
            }
        }
        piece.list = events.slots.into_iter().flatten().collect();
        piece
    }

    fn add_default_instruments(&mut self) {
        for &channel in &self.channels {
            if self.patch_channels.contains(&channel) {
                continue;
            }
            if let Some(&(_, track)) = self.first_track.iter().find(|&&(c, _)| c == channel) {
                self.list.push(self.arena.len());
                self.arena.push(Event {
                    kind: Kind::PatchChange,
                    t1: 0,
                    t2: 0,
                    track,
                    args: [channel, 0, 0, 0],
                });
            }
        }
    }

    /// Removes the first event of the list that equals this one.
    pub(super) fn remove_equal(&mut self, event: Event) {
        if let Some(at) = self.list.iter().position(|&i| self.arena[i] == event) {
            self.list.remove(at);
        }
    }

    /// Where no key is given, or only ones without sharps and flats, puts in the one that the notes suggest, or takes
    /// these out where they suggest none.
    fn settle_keys(&mut self, remapped: bool) {
        if !self.key_signatures.iter().all(|&i| self.arena[i].args[0] == 7) {
            return;
        }
        let only_drums = |channels: &[i64]| matches!(channels, [DRUMS]);
        match keys::detect(&self.histogram) {
            Some(root) if self.key_signatures.is_empty() => {
                let sharps = keys::sharps_of_major(root);
                for (track, channels) in &self.track_channels {
                    if remapped && *track == 0 {
                        continue;
                    }
                    let sf = if only_drums(channels) { 7 } else { sharps + 7 };
                    self.list.push(self.arena.len());
                    let args = [sf, 0, 0, 0];
                    self.arena.push(Event { kind: Kind::KeySignature, t1: 0, t2: 0, track: *track, args });
                }
            }
            Some(root) => {
                let sharps = keys::sharps_of_major(root);
                for &i in &self.key_signatures {
                    let track = self.arena[i].track;
                    let drums = self.track_channels.iter().any(|(t, c)| *t == track && only_drums(c));
                    if !drums {
                        self.arena[i].args = [sharps + 7, 0, 0, 0];
                    }
                }
            }
            None => {
                for i in std::mem::take(&mut self.key_signatures) {
                    self.remove_equal(self.arena[i]);
                }
            }
        }
    }
}

/// One track's reader: what was said last decides what is worth saying again.
struct TrackEncoder<'a> {
    track: i64,
    ticks_per_beat: f64,
    options: &'a Options,
    last_notes: HashMap<(i64, i64), (Key, usize)>,
    patches: HashMap<i64, i64>,
    controls: HashMap<(i64, i64), i64>,
    bpm: i64,
}

impl<'a> TrackEncoder<'a> {
    fn new(track: i64, ticks_per_beat: i64, options: &'a Options) -> Self {
        TrackEncoder {
            track,
            ticks_per_beat: ticks_per_beat as f64,
            options,
            last_notes: HashMap::new(),
            patches: HashMap::new(),
            controls: HashMap::new(),
            bpm: 0,
        }
    }

    /// Sixteenths of a beat, halves to even.
    fn steps(&self, ticks: i64) -> i64 {
        ((16 * ticks) as f64 / self.ticks_per_beat).round_ties_even() as i64
    }

    fn event(&self, kind: Kind, steps: i64, args: [i64; 4]) -> Event {
        Event { kind, t1: steps.div_euclid(16), t2: steps.rem_euclid(16), track: self.track, args }
    }

    fn take(&mut self, source: &ScoreEvent, piece: &mut Piece, events: &mut Ordered) {
        let steps = self.steps(source.time);
        let Some((event, channel)) = self.convert(source, steps, piece) else { return };
        if let Some(channel) = channel {
            add_once(&mut piece.channels, channel);
            let tracks = &mut piece.track_map[channel as usize];
            if !tracks.iter().any(|&(t, _)| t == self.track) {
                tracks.push((self.track, 0));
            }
        }
        let key = key_of(&event);
        let index = piece.arena.len();
        piece.arena.push(event);
        if event.kind == Kind::Note {
            let sounding = (event.args[0], event.args[1]);
            if let Some((last_key, last)) = self.last_notes.insert(sounding, (key, index)) {
                let before = &mut piece.arena[last];
                let apart = steps - (before.t1 * 16 + before.t2);
                before.args[3] = before.args[3].min(apart).max(0);
                if before.args[3] == 0 {
                    events.remove(&last_key);
                }
            }
        }
        if event.kind == Kind::KeySignature {
            piece.key_signatures.push(index);
        }
        events.insert(key, index);
    }

    /// The event and its channel; nothing where it is invalid, a repeat, or not of this version.
    fn convert(
        &mut self,
        source: &ScoreEvent,
        steps: i64,
        piece: &mut Piece,
    ) -> Option<(Event, Option<i64>)> {
        let v2 = self.options.version == Version::V2;
        match source.what {
            What::Note { duration, channel, pitch, velocity } => {
                let length = self.steps(duration).max(1);
                let c = channel as usize;
                piece.silent[c] = false;
                if !piece.first_track.iter().any(|&(c, _)| c == channel) {
                    piece.first_track.push((channel, self.track));
                }
                add_once(&mut piece.note_tracks[c], self.track);
                if channel != DRUMS {
                    piece.histogram[(pitch % 12) as usize] += 1;
                }
                if let Some((_, channels)) = piece.track_channels.last_mut() {
                    add_once(channels, channel);
                }
                Some((self.event(Kind::Note, steps, [channel, pitch, velocity, length]), Some(channel)))
            }
            What::Patch { channel, patch } => {
                if self.patches.insert(channel, patch) == Some(patch) {
                    return None;
                }
                add_once(&mut piece.patch_channels, channel);
                Some((self.event(Kind::PatchChange, steps, [channel, patch, 0, 0]), Some(channel)))
            }
            What::Control { channel, controller, value } => {
                let last = self.controls.entry((channel, controller)).or_insert(0);
                if (*last - value).abs() < self.options.control_step {
                    return None;
                }
                *last = value;
                let args = [channel, controller, value, 0];
                Some((self.event(Kind::ControlChange, steps, args), Some(channel)))
            }
            What::Tempo { micros } => {
                if micros == 0 {
                    return None;
                }
                let most = i64::from(self.options.version.size(Param::Bpm)) - 1;
                let bpm = ((60.0 / (micros as f64 / 1e6)) as i64).min(most);
                if (self.bpm - bpm).abs() < self.options.tempo_step {
                    return None;
                }
                self.bpm = bpm;
                Some((self.event(Kind::SetTempo, steps, [bpm, 0, 0, 0]), None))
            }
            What::TimeSignature { numerator, denominator_power, .. } => {
                let valid = v2 && (1..=16).contains(&numerator) && (1..=4).contains(&denominator_power);
                let args = [numerator - 1, denominator_power - 1, 0, 0];
                valid.then(|| (self.event(Kind::TimeSignature, steps, args), None))
            }
            What::KeySignature { sharps, minor } => {
                let valid = v2 && (-7..=7).contains(&sharps) && (0..=1).contains(&minor);
                valid.then(|| (self.event(Kind::KeySignature, steps, [sharps + 7, minor, 0, 0]), None))
            }
        }
    }
}
