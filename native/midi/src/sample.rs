//! From logits to a token, as the original samples: softmax over all tokens, then the mask, then top-p on what mass is
//! left (not renormalised), then top-k, then renormalising.

use crate::error::{Error, Result};
use crate::kernels::Kernels;
use crate::tokenizer::{EOS, Kind, PAD, Param, Version};

/// How tokens are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Divides logits; 0 takes the likeliest token always.
    pub temperature: f32,
    /// Tokens count until those before them hold more than this.
    pub top_p: f32,
    /// At most so many tokens count; 1 takes the likeliest.
    pub top_k: usize,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling { temperature: 1.0, top_p: 0.94, top_k: 20 }
    }
}

impl Sampling {
    /// Refuses numbers that leave nothing to draw from.
    pub fn check(&self) -> Result<()> {
        let bad = |what: &str, expected: &str, found: String| {
            Err(Error::input("bad-value", format!("{what}: expected {expected}, found {found}")))
        };
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return bad("temperature", "0 or more", self.temperature.to_string());
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return bad("top-p", "above 0, at most 1", self.top_p.to_string());
        }
        if self.top_k == 0 {
            return bad("top-k", "1 or more", "0".into());
        }
        Ok(())
    }

    fn is_greedy(&self) -> bool {
        self.temperature == 0.0 || self.top_k == 1
    }
}

/// What must not be generated.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// No patch changes.
    pub no_patch_change: bool,
    /// No control changes.
    pub no_control_change: bool,
    /// Channels that are not to be used: bit c for channel c.
    pub no_channels: u16,
    /// Notes and nothing else, not even an end.
    pub notes_alone: bool,
}

impl Limits {
    /// Notes alone: every event has all eight tokens, for measuring.
    pub fn only_notes() -> Limits {
        Limits { notes_alone: true, ..Limits::default() }
    }
}

/// Tokens that may stand at a place of a row: a range, less some channels, or a few kinds.
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// Kinds of event, and eos.
    Kinds(Vec<u32>),
    /// A parameter's values.
    Values(std::ops::Range<u32>, u16),
    /// Padding alone.
    Pad,
}

impl Allowed {
    /// What may stand at place `place` of a row whose kind is `kind`.
    pub fn at(version: Version, limits: &Limits, kind: Option<Kind>, place: usize) -> Allowed {
        let Some(kind) = kind else {
            if limits.notes_alone {
                return Allowed::Kinds(vec![version.kind_token(Kind::Note)]);
            }
            let allowed = |kind: &&Kind| match kind {
                Kind::PatchChange => !limits.no_patch_change,
                Kind::ControlChange => !limits.no_control_change,
                _ => true,
            };
            let kinds = version.kinds().iter().filter(allowed).map(|&kind| version.kind_token(kind));
            return Allowed::Kinds(kinds.chain([EOS]).collect());
        };
        match version.params(kind).get(place - 1) {
            None => Allowed::Pad,
            Some(&param) => {
                let first = version.first(param);
                let without = if param == Param::Channel { limits.no_channels } else { 0 };
                Allowed::Values(first..first + version.size(param), without)
            }
        }
    }

    /// The tokens, in their order.
    pub fn tokens(&self) -> Vec<u32> {
        match self {
            Allowed::Kinds(list) => {
                let mut list = list.clone();
                list.sort_unstable();
                list
            }
            Allowed::Values(range, without) => range
                .clone()
                .filter(|t| without >> (t - range.start).min(15) & 1 == 0 || *without == 0)
                .collect(),
            Allowed::Pad => vec![PAD],
        }
    }
}

/// Random numbers by seed: xoshiro256++, seeded through splitmix64.
#[derive(Clone, Debug)]
pub struct Random([u64; 4]);

impl Random {
    /// The same numbers for the same seed, on every machine.
    pub fn new(seed: u64) -> Random {
        let mut state = seed;
        Random(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }))
    }

    /// In 0…1, 1 excluded, in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        (result >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The distribution that a token is drawn from: tokens and their probabilities, likeliest first.
pub fn distribution(
    kernels: &Kernels,
    logits: &[f32],
    sampling: &Sampling,
    allowed: &Allowed,
    scratch: &mut Vec<f32>,
) -> Vec<(u32, f32)> {
    let tokens = allowed.tokens();
    let likeliest = || {
        let by_logit =
            |a: &&u32, b: &&u32| logits[**a as usize].total_cmp(&logits[**b as usize]).then(b.cmp(a));
        tokens.iter().max_by(by_logit).map_or(PAD, |&token| token)
    };
    if sampling.is_greedy() || tokens.len() == 1 {
        return vec![(likeliest(), 1.0)];
    }
    scratch.clear();
    scratch.extend(logits.iter().map(|&v| v / sampling.temperature));
    let highest = scratch.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    scratch.iter_mut().for_each(|v| *v -= highest);
    kernels.exp_all(scratch);
    let total: f64 = scratch.iter().map(|&v| f64::from(v)).sum();
    let mut list: Vec<(u32, f32)> =
        tokens.iter().map(|&t| (t, (f64::from(scratch[t as usize]) / total) as f32)).collect();
    let by_mass = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if sampling.top_k < list.len() {
        list.select_nth_unstable_by(sampling.top_k - 1, by_mass);
        list.truncate(sampling.top_k);
    }
    list.sort_unstable_by(by_mass);
    let mut before = 0.0f64;
    let mut kept = 0;
    for &(_, mass) in &list {
        if before as f32 > sampling.top_p {
            break;
        }
        before += f64::from(mass);
        kept += 1;
    }
    list.truncate(kept);
    let mass: f64 = list.iter().map(|&(_, p)| f64::from(p)).sum();
    if mass.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return vec![(likeliest(), 1.0)]; // all that is allowed has underflown
    }
    list.iter_mut().for_each(|(_, p)| *p = (f64::from(*p) / mass) as f32);
    list
}

/// Draws from a distribution.
pub fn draw(list: &[(u32, f32)], random: &mut Random) -> u32 {
    if let [(token, _)] = list {
        return *token;
    }
    let total: f64 = list.iter().map(|&(_, p)| f64::from(p)).sum();
    let mut left = random.unit() * total;
    for &(token, p) in list {
        left -= f64::from(p);
        if left < 0.0 {
            return token;
        }
    }
    list.iter().rev().find(|(_, p)| *p > 0.0).map_or(PAD, |&(token, _)| token)
}
