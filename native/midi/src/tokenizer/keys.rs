//! Guessing a key from how often each pitch class sounds, and keys as numbers of sharps.

/// The major key's root (0 is C) of a histogram over pitch classes, where its seven most frequent form a major
/// scale and hold 70% of the notes.
pub fn detect(histogram: &[u64; 12]) -> Option<i64> {
    let total: u64 = histogram.iter().sum();
    if total == 0 {
        return None;
    }
    let mut by_count: Vec<usize> = (0..12).collect();
    by_count.sort_by(|&a, &b| histogram[b].cmp(&histogram[a]));
    let mut scale = by_count[..7].to_vec();
    let inside: u64 = scale.iter().map(|&key| histogram[key]).sum();
    if (inside as f64 / total as f64) < 0.7 {
        return None;
    }
    scale.sort_unstable();
    // The upper notes of the scale's semitone steps: a major scale has two, a fourth (or a fifth) apart.
    let mut semitones = Vec::new();
    for (i, &key) in scale.iter().enumerate() {
        let before = if i == 0 { scale[6] } else { scale[i - 1] };
        let distance = key as i64 - before as i64;
        if distance == 1 || distance == -11 {
            semitones.push(key as i64);
        }
    }
    match semitones[..] {
        [low, high] if high - low == 5 => Some(low),
        [low, high] if high - low == 7 => Some(high),
        _ => None,
    }
}

/// Sharps (negative: flats) of a major key by its root.
pub fn sharps_of_major(root: i64) -> i64 {
    let sharps = (root * 7).rem_euclid(12);
    if sharps > 6 { sharps - 12 } else { sharps }
}
