//! Matrix products, attention and the like, for the instruction sets that there are; which one is chosen when a
//! session begins. Knows vectors of numbers, nothing of models.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod elementwise;
mod lines;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod simd;
mod tiles;

use std::ops::Range;

use half::{bf16, f16};

pub use lines::{Lines, Plain};
pub use tiles::Out;

/// Activations share a scale in blocks of so many columns.
pub const BLOCK: usize = 128;

/// 8-bit weights lie in panels of so many rows: four columns of all rows, then the next four. Rows that the last panel
/// lacks are zeros.
pub const PANEL: usize = 32;

/// Where in its panel the number at `row` and `column` lies; `row` below `PANEL`.
pub fn in_panel(row: usize, column: usize) -> usize {
    (column / 4 * PANEL + row) * 4 + column % 4
}

/// Rows of activations are padded with zeros to a whole number of blocks.
pub fn padded(columns: usize) -> usize {
    columns.next_multiple_of(BLOCK)
}

/// Activations: `count` rows of `stride` floats, zeros after the columns that are used.
pub struct Floats {
    /// `count * stride` floats; may be longer.
    pub values: Lines<f32>,
    /// A multiple of `BLOCK`.
    pub stride: usize,
    /// Rows in use.
    pub count: usize,
}

impl Floats {
    /// Zeros.
    pub fn new(columns: usize, count: usize) -> Floats {
        let stride = padded(columns);
        Floats { values: Lines::zeros(stride * count), stride, count }
    }

    /// Sets the number of rows; what they hold is anything, padding zero.
    pub fn resize(&mut self, count: usize) {
        self.values.resize(self.stride * count.max(1));
        self.count = count;
    }

    /// Row `i`, padding included.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.stride..(i + 1) * self.stride]
    }

    /// Row `i`, padding included; it has to stay zero.
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.values[i * self.stride..(i + 1) * self.stride]
    }
}

/// Activations at 8 bits.
#[derive(Default)]
pub struct Quantised {
    values: Lines<i8>,
    /// One for each row and block.
    scales: Lines<f32>,
    /// What sums start at, for each row and block.
    starts: Lines<i32>,
    stride: usize,
    count: usize,
}

/// Running state of a softmax over keys that come in parts.
pub struct Softmax {
    /// The highest score so far.
    pub highest: f32,
    /// The sum of all weights so far.
    pub total: f32,
}

impl Default for Softmax {
    fn default() -> Softmax {
        Softmax { highest: f32::NEG_INFINITY, total: 0.0 }
    }
}

type Matmul<W> = unsafe fn(*const W, usize, Range<usize>, &Floats, Out);
type Matmul8 = unsafe fn(*const i8, *const f32, Range<usize>, &Quantised, Out);
type Attend<W> = unsafe fn(*const f32, *const W, *const W, usize, usize, &mut Softmax, &mut [f32], *mut f32);

/// The functions of one instruction set. The safe ones check lengths; the others say what they need in `tiles`.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Kernels {
    pub name: &'static str,
    pub matmul_f32: Matmul<f32>,
    pub matmul_f16: Matmul<f16>,
    pub matmul_bf16: Matmul<bf16>,
    pub matmul_q8: Matmul8,
    pub attend_f32: Attend<f32>,
    pub attend_f16: Attend<f16>,
    rms_norm: unsafe fn(&[f32], &[f32], f32, &mut [f32]),
    silu_times: unsafe fn(&mut [f32], &[f32]),
    quantise: unsafe fn(&[f32], &mut Quantised, usize, bool),
    quantise_row: unsafe fn(&[f32], &mut [i8]) -> f32,
    exp_all: unsafe fn(&mut [f32]),
    biased: bool,
}

/// Makes `Kernels` whose functions enable the features named; `$together` vectors of a panel are worked on at once.
macro_rules! kernels {
    ($module:ident, $name:literal, $vectors:ty, $together:literal, $(#[$feature:meta])*) => {
        mod $module {
            use super::*;
            use super::simd::{Simd, Weight};

            $(#[$feature])*
            unsafe fn matmul<W: Weight>(w: *const W, stride: usize, rows: Range<usize>, x: &Floats, out: Out) {
                // SAFETY: as the caller promises; the features are enabled here.
                unsafe { tiles::matmul::<$vectors, W>(w, stride, rows, x, out) }
            }
            $(#[$feature])*
            unsafe fn matmul8(w: *const i8, scales: *const f32, panels: Range<usize>, x: &Quantised, out: Out) {
                // SAFETY: as the caller promises; the features are enabled here.
                unsafe { tiles::matmul8::<$vectors, $together>(w, scales, panels, x, out) }
            }
            $(#[$feature])*
            #[allow(clippy::too_many_arguments)]
            unsafe fn attend<W: Weight>(
                query: *const f32, keys: *const W, values: *const W, width: usize, count: usize,
                state: &mut Softmax, scores: &mut [f32], sum: *mut f32,
            ) {
                // SAFETY: as the caller promises; the features are enabled here.
                unsafe { tiles::attend::<$vectors, W>(query, keys, values, width, count, state, scores, sum) }
            }
            $(#[$feature])*
            unsafe fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
                elementwise::rms_norm(x, weight, epsilon, out)
            }
            $(#[$feature])*
            unsafe fn silu_times(gate: &mut [f32], up: &[f32]) {
                elementwise::silu_times(gate, up)
            }
            $(#[$feature])*
            unsafe fn quantise(x: &[f32], to: &mut Quantised, c: usize, biased: bool) {
                elementwise::quantise(x, to, c, biased)
            }
            $(#[$feature])*
            unsafe fn quantise_row(x: &[f32], to: &mut [i8]) -> f32 {
                elementwise::quantise_row(x, to)
            }
            $(#[$feature])*
            unsafe fn exp_all(x: &mut [f32]) {
                for v in x {
                    *v = elementwise::exp(*v);
                }
            }

            pub const KERNELS: Kernels = Kernels {
                name: $name,
                matmul_f32: matmul::<f32>,
                matmul_f16: matmul::<f16>,
                matmul_bf16: matmul::<bf16>,
                matmul_q8: matmul8,
                attend_f32: attend::<f32>,
                attend_f16: attend::<f16>,
                rms_norm,
                silu_times,
                quantise,
                quantise_row,
                exp_all,
                biased: <$vectors as Simd>::BIASED,
            };
        }
    };
}

kernels!(for_any, "portable", super::portable::Portable, 2,);
#[cfg(target_arch = "x86_64")]
kernels!(for_avx2, "avx2", super::avx2::Avx2, 2, #[target_feature(enable = "avx2,fma,f16c")]);
#[cfg(target_arch = "x86_64")]
kernels!(
    for_avx512,
    "avx512-vnni",
    super::avx512::Avx512,
    2,
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
);
#[cfg(target_arch = "aarch64")]
kernels!(for_neon, "neon", super::neon::Neon, 4, #[target_feature(enable = "neon")]);

/// All kernels that this processor can run, the fastest first.
pub fn available() -> Vec<Kernels> {
    #[cfg(target_arch = "x86_64")]
    let own = {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni");
        [(avx2 && avx512, for_avx512::KERNELS), (avx2, for_avx2::KERNELS)]
    };
    #[cfg(target_arch = "aarch64")]
    let own = [(true, for_neon::KERNELS)];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let own = [];
    let there = own.into_iter().filter_map(|(there, kernels)| there.then_some(kernels));
    there.chain([for_any::KERNELS]).collect()
}

/// The kernels that suit this processor best.
pub fn fastest() -> Kernels {
    available()[0]
}

impl Kernels {
    /// `out = x / rms(x) * weight`; all of one length.
    pub fn rms_norm(&self, x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
        assert!(x.len() == weight.len() && x.len() == out.len());
        // SAFETY: kernels are only handed out where the processor has them.
        unsafe { (self.rms_norm)(x, weight, epsilon, out) }
    }

    /// `gate = silu(gate) * up`.
    pub fn silu_times(&self, gate: &mut [f32], up: &[f32]) {
        assert_eq!(gate.len(), up.len());
        // SAFETY: kernels are only handed out where the processor has them.
        unsafe { (self.silu_times)(gate, up) }
    }

    /// Every value's exponential.
    pub fn exp_all(&self, x: &mut [f32]) {
        // SAFETY: kernels are only handed out where the processor has them.
        unsafe { (self.exp_all)(x) }
    }

    /// A row of weights at 8 bits, and what they are to be multiplied with.
    pub fn quantise_row(&self, x: &[f32], to: &mut [i8]) -> f32 {
        assert_eq!(x.len(), to.len());
        // SAFETY: kernels are only handed out where the processor has them.
        unsafe { (self.quantise_row)(x, to) }
    }

    /// All activations at 8 bits.
    pub fn quantise(&self, x: &Floats, to: &mut Quantised) {
        let blocks = x.stride / BLOCK;
        to.stride = x.stride;
        to.count = x.count;
        to.values.resize(x.count * x.stride);
        to.scales.resize(x.count * blocks);
        to.starts.resize(x.count * blocks);
        for c in 0..x.count {
            // SAFETY: kernels are only handed out where the processor has them.
            unsafe { (self.quantise)(x.row(c), to, c, self.biased) }
        }
    }
}

#[cfg(test)]
#[path = "kernels_test.rs"]
mod tests;
