//! Numbering tracks and channels anew, and folding what comes before the music to its start.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Event;
use super::encode::{DRUMS, Options, Piece, add_once};
use super::vocab::{Kind, Version};

/// Channels that a piece can have besides the drums'.
fn next_channel(channel: i64) -> i64 {
    if channel + 1 == DRUMS { DRUMS + 1 } else { channel + 1 }
}

impl Piece {
    /// Numbers channels in the order of their appearance (drums stay on theirs) and tracks from 1 by channel; tempo
    /// and time signatures go to track 0, settings to tracks that have notes, keys to every track of theirs.
    pub(super) fn remap(&mut self, options: &Options) {
        self.patch_channels.clear();
        self.empty_channels = self.channels.iter().copied().filter(|&c| self.silent[c as usize]).collect();
        let drops =
            |piece: &Piece, c: i64| options.remove_empty_channels && piece.empty_channels.contains(&c);

        let mut channel_map: Vec<(i64, i64)> = Vec::new();
        if self.channels.contains(&DRUMS) {
            channel_map.push((DRUMS, DRUMS));
        }
        if options.remove_empty_channels {
            let empty = self.empty_channels.clone();
            self.channels.sort_by_key(|c| empty.contains(c));
        }
        let mut next = 0;
        for &channel in self.channels.iter().filter(|&&c| c != DRUMS) {
            channel_map.push((channel, next));
            next = next_channel(next);
        }
        self.channels = channel_map.iter().map(|&(_, new)| new).collect();

        let mut by_new = channel_map.clone();
        by_new.sort_by_key(|&(_, new)| new);
        let mut count = 0;
        for removing in [false, true] {
            for &(c, _) in &by_new {
                if drops(self, c) != removing {
                    continue;
                }
                let note_tracks = &self.note_tracks[c as usize];
                for (track, new) in &mut self.track_map[c as usize] {
                    let only_settings = !note_tracks.is_empty() && !note_tracks.contains(track);
                    if only_settings == removing {
                        count += 1;
                        *new = count;
                    }
                }
            }
        }

        let renamed = |c: i64| channel_map.iter().find(|&&(old, _)| old == c).map_or(c, |&(_, new)| new);
        self.empty_channels = self.empty_channels.iter().map(|&c| renamed(c)).collect();
        self.first_track.clear();
        self.key_signatures.clear();
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for index in self.list.clone() {
            match self.arena[index].kind {
                Kind::Note => {
                    let Event { args: [c, ..], track, .. } = self.arena[index];
                    let (channel, track) = (renamed(c), self.new_track(c, track));
                    self.arena[index].args[0] = channel;
                    self.arena[index].track = track;
                    if !self.first_track.iter().any(|&(c, _)| c == channel) {
                        self.first_track.push((channel, track));
                    }
                }
                Kind::SetTempo | Kind::TimeSignature => self.arena[index].track = 0,
                Kind::KeySignature => self.remap_key(index, &renamed, &mut added, &mut removed),
                Kind::ControlChange | Kind::PatchChange => {
                    let Event { args: [c, ..], mut track, kind, .. } = self.arena[index];
                    let note_tracks = &self.note_tracks[c as usize];
                    if !note_tracks.is_empty() && !note_tracks.contains(&track) {
                        track = note_tracks[0];
                    }
                    let track = self.new_track(c, track);
                    let event = &mut self.arena[index];
                    event.args[0] = renamed(c);
                    event.track = track;
                    if kind == Kind::PatchChange {
                        add_once(&mut self.patch_channels, renamed(c));
                    }
                }
            }
        }
        for event in removed {
            self.remove_equal(event);
        }
        self.list.extend(added);

        self.track_channels.clear();
        for c in 0..16 {
            if !channel_map.iter().any(|&(old, _)| old == c) {
                continue;
            }
            for &(_, track) in &self.track_map[c as usize] {
                match self.track_channels.iter_mut().find(|(t, _)| *t == track) {
                    Some((_, channels)) => add_once(channels, renamed(c)),
                    None => self.track_channels.push((track, vec![renamed(c)])),
                }
            }
        }
    }

    fn new_track(&self, channel: i64, track: i64) -> i64 {
        self.track_map[channel as usize].iter().find(|&&(old, _)| old == track).map_or(0, |&(_, new)| new)
    }

    /// A key signature is said on every new track that its track became; one that stands on a track of settings
    /// alone goes, unless that is the first.
    fn remap_key(
        &mut self,
        index: usize,
        renamed: &dyn Fn(i64) -> i64,
        added: &mut Vec<usize>,
        removed: &mut Vec<Event>,
    ) {
        let track = self.arena[index].track;
        let mut places: Vec<(i64, i64)> = Vec::new();
        for c in 0..16 {
            for &(old, new) in &self.track_map[c as usize] {
                if old == track && new != 0 {
                    add_once(&mut places, (renamed(c), new));
                }
            }
        }
        let Some((&(channel, new), more)) = places.split_first() else {
            if track == 0 {
                self.key_signatures.push(index);
            } else {
                self.arena[index].track = -1; // so that nothing that stays equals it
                removed.push(self.arena[index]);
            }
            return;
        };
        self.key_signatures.push(index);
        let event = &mut self.arena[index];
        event.track = new;
        if channel == DRUMS {
            event.args[0] = 7;
        }
        let first = *event;
        for &(channel, new) in more {
            let mut copy = first;
            copy.track = new;
            if channel == DRUMS {
                copy.args[0] = 7;
            }
            let index = self.arena.len();
            self.arena.push(copy);
            added.push(index);
            self.key_signatures.push(index);
        }
    }
}

/// Settings before the first note move to time 0, the last of each kind counting. Whether two events are at the same
/// time is asked of `t1 + t2`, as the original does: that differs where beats and sixteenths trade places.
pub(super) fn fold_setup<K: Ord>(
    events: Vec<Event>,
    version: Version,
    order: impl Fn(&Event) -> K,
) -> Vec<Event> {
    let sum = |e: &Event| e.t1 + e.t2;
    let mut setup: Vec<Event> = Vec::new();
    let mut places: HashMap<SetupKey, usize> = HashMap::new();
    let mut notes = false;
    for (i, event) in events.iter().enumerate() {
        let with_next = events.get(i + 1).is_some_and(|next| sum(event) == sum(next));
        let with_previous = notes && i > 0 && sum(&events[i - 1]) == sum(event);
        if (event.kind == Kind::Note && !with_next) || (notes && !with_previous) {
            setup.sort_by_key(&order);
            setup.extend_from_slice(&events[i..]);
            return setup;
        }
        notes |= event.kind == Kind::Note;
        let mut moved = *event;
        if !matches!(event.kind, Kind::Note | Kind::TimeSignature) {
            (moved.t1, moved.t2) = (0, 0);
        }
        let key = setup_key(version, event);
        match places.entry(key) {
            Entry::Occupied(place) => setup[*place.get()] = moved,
            Entry::Vacant(place) => {
                place.insert(setup.len());
                setup.push(moved);
            }
        }
    }
    events
}

type SetupKey = (Kind, i64, [i64; 2]);

fn setup_key(version: Version, e: &Event) -> SetupKey {
    let [a, b, ..] = e.args;
    let rest = match (e.kind, version) {
        (Kind::Note, Version::V1) => [e.args[3], a], // duration and channel: the original's places
        (Kind::Note, Version::V2) | (Kind::ControlChange, _) => [a, b],
        (Kind::PatchChange, _) => [a, -1],
        (Kind::SetTempo | Kind::TimeSignature | Kind::KeySignature, _) => [-1, -1],
    };
    (e.kind, e.track, rest)
}
