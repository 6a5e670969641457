//! Functions of one number at a time, in plain Rust that compilers turn into vectors.

use super::{BLOCK, Quantised};

/// e to the x, within 2 units in the last place, 0 below -87. Without a call, so that loops over it become vectors.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const HIGH: f32 = 0.693_359_4; // ln 2 in two parts: the first has few enough bits for exact products
    const LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(-87.0, 88.0);
    let n = (clamped * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0; // rounds: 1.5 * 2^23
    let r = clamped - n * HIGH - n * LOW;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5.0e-1] {
        p = p * r + c;
    }
    let y = p * r * r + r + 1.0;
    let scale = f32::from_bits(((n as i32 + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { y * scale }
}

/// `out = x / rms(x) * weight`; `x` without its padding.
#[inline(always)]
pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let mut parts = [0.0f32; 16];
    let chunks = x.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|v| v * v).sum();
    for chunk in chunks {
        for (part, v) in parts.iter_mut().zip(chunk) {
            *part += v * v;
        }
    }
    let mean = (parts.iter().sum::<f32>() + rest) / x.len() as f32;
    let factor = 1.0 / (mean + epsilon).sqrt();
    for ((out, x), w) in out.iter_mut().zip(x).zip(weight) {
        *out = x * factor * w;
    }
}

/// `gate = silu(gate) * up`.
#[inline(always)]
pub fn silu_times(gate: &mut [f32], up: &[f32]) {
    for (g, u) in gate.iter_mut().zip(up) {
        *g = *g / (1.0 + exp(-*g)) * u;
    }
}

/// Activations to 8-bit integers, one scale for each block; fills column `c`.
#[inline(always)]
pub fn quantise(x: &[f32], to: &mut Quantised, c: usize, biased: bool) {
    let blocks = to.stride / BLOCK;
    for block in 0..blocks {
        let xs = &x[block * BLOCK..(block + 1) * BLOCK];
        let mut most = [0.0f32; 16];
        for chunk in xs.chunks_exact(16) {
            for (m, v) in most.iter_mut().zip(chunk) {
                *m = m.max(v.abs());
            }
        }
        let most = most.iter().fold(0.0f32, |a, &b| a.max(b));
        let factor = if most > 0.0 { 127.0 / most } else { 0.0 };
        to.scales[c * blocks + block] = most / 127.0;
        let at = c * to.stride + block * BLOCK;
        let values = &mut to.values[at..at + BLOCK];
        for (q, v) in values.iter_mut().zip(xs) {
            // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the float's low bits.
            let rounded = v * factor + 12_582_912.0;
            *q = rounded.to_bits() as i8;
        }
        let sum: i32 = values.iter().map(|&v| i32::from(v)).sum();
        to.starts[c * blocks + block] = if biased { -128 * sum } else { 0 };
    }
}

/// Weights to 8-bit integers in -127…127 with one scale, which is returned.
#[inline(always)]
pub fn quantise_row(x: &[f32], to: &mut [i8]) -> f32 {
    let mut most = [0.0f32; 16];
    let chunks = x.chunks_exact(16);
    let rest = chunks.remainder().iter().fold(0.0f32, |a, v| a.max(v.abs()));
    for chunk in chunks {
        for (m, v) in most.iter_mut().zip(chunk) {
            *m = m.max(v.abs());
        }
    }
    let most = most.iter().fold(rest, |a, &b| a.max(b));
    let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
    for (q, v) in to.iter_mut().zip(x) {
        let rounded = v / scale + 12_582_912.0; // as in `quantise`
        *q = rounded.to_bits() as i8;
    }
    scale
}
