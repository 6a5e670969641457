//! Weights in memory: mapped from the file where it has them as they are needed, converted otherwise.

use std::sync::Arc;

use half::{bf16, f16};
use memmap2::Mmap;

use crate::kernels::{BLOCK, Floats, Kernels, Out, Quantised};

/// Rows of floats are padded to whole vectors.
const FLOAT_PAD: usize = 16;

/// Elements that live in a mapped file or in memory of ours.
pub enum Elements<T> {
    /// In memory of ours.
    Owned(Vec<T>),
    /// In a file: element 0's address is aligned and the range inside the mapping, as checked when it was made.
    Mapped(Arc<Mmap>, *const T, usize),
}

// SAFETY: mapped files are read only, and the mapping lives as long as this.
unsafe impl<T: Sync> Sync for Elements<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Elements<T> {}

impl<T> std::ops::Deref for Elements<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Elements::Owned(list) => list,
            // SAFETY: checked when it was made; the mapping is alive.
            Elements::Mapped(_, start, n) => unsafe { std::slice::from_raw_parts(*start, *n) },
        }
    }
}

/// The numbers of a matrix.
#[allow(missing_docs)]
pub enum Data {
    F32(Elements<f32>),
    F16(Elements<f16>),
    Bf16(Elements<bf16>),
    /// With a scale for each row.
    I8(Elements<i8>, Vec<f32>),
}

/// `rows` outputs of `columns` inputs, row by row, `stride` apart.
pub struct Matrix {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// From one row to the next.
    pub stride: usize,
    /// The numbers.
    pub data: Data,
}

/// What weights are kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// 32-bit floats: exact for every file.
    F32,
    /// 16-bit floats of the file's own kind, IEEE ones otherwise.
    F16,
    /// 8-bit integers with a scale for each row.
    Q8,
}

impl Weights {
    /// `f32`, `f16` or `q8`.
    pub fn from_name(name: &str) -> Option<Weights> {
        match name {
            "f32" => Some(Weights::F32),
            "f16" => Some(Weights::F16),
            "q8" => Some(Weights::Q8),
            _ => None,
        }
    }

    /// As `from_name` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Weights::F32 => "f32",
            Weights::F16 => "f16",
            Weights::Q8 => "q8",
        }
    }

    /// The stride that rows of such weights need.
    pub fn stride(self, columns: usize) -> usize {
        columns.next_multiple_of(if self == Weights::Q8 { BLOCK } else { FLOAT_PAD })
    }
}

impl Matrix {
    /// Bytes of the numbers.
    pub fn bytes(&self) -> usize {
        let each = match self.data {
            Data::F32(_) => 4,
            Data::F16(_) | Data::Bf16(_) => 2,
            Data::I8(..) => 1,
        };
        self.rows * self.stride * each
    }

    /// Adds row `row` to `out`, which is as long as a row.
    pub fn add_row(&self, row: usize, out: &mut [f32]) {
        let range = row * self.stride..row * self.stride + self.columns;
        let out = out[..self.columns].iter_mut();
        match &self.data {
            Data::F32(d) => out.zip(&d[range]).for_each(|(o, v)| *o += v),
            Data::F16(d) => out.zip(&d[range]).for_each(|(o, v)| *o += v.to_f32()),
            Data::Bf16(d) => out.zip(&d[range]).for_each(|(o, v)| *o += v.to_f32()),
            Data::I8(d, scales) => out.zip(&d[range]).for_each(|(o, &v)| *o += f32::from(v) * scales[row]),
        }
    }

    /// Whether products want 8-bit activations.
    pub fn is_q8(&self) -> bool {
        matches!(self.data, Data::I8(..))
    }

    /// Products of `rows` with all activations into `out`: results of activation `c` begin at `c * stride`.
    ///
    /// # Safety
    /// `out` takes `self.rows` results for each activation, and nobody else touches those of `rows` meanwhile.
    pub unsafe fn multiply(
        &self,
        kernels: &Kernels,
        rows: std::ops::Range<usize>,
        x: &Floats,
        x8: &Quantised,
        out: Out,
    ) {
        debug_assert!(rows.end <= self.rows && self.stride <= x.stride);
        // SAFETY: strides fit: floats' are at most the activations', 8-bit ones' equal. The kernels are there.
        unsafe {
            match &self.data {
                Data::F32(d) => (kernels.matmul_f32)(d.as_ptr(), self.stride, rows, x, out),
                Data::F16(d) => (kernels.matmul_f16)(d.as_ptr(), self.stride, rows, x, out),
                Data::Bf16(d) => (kernels.matmul_bf16)(d.as_ptr(), self.stride, rows, x, out),
                Data::I8(d, scales) => (kernels.matmul_q8)(d.as_ptr(), scales.as_ptr(), rows, x8, out),
            }
        }
    }

    /// The rows' numbers as floats, without padding.
    pub fn to_floats(&self) -> Vec<f32> {
        let mut all = vec![0.0; self.rows * self.columns];
        for (row, out) in all.chunks_mut(self.columns).enumerate() {
            self.add_row(row, out);
        }
        all
    }

    /// Makes a matrix of floats, row by row; calls `row(i, buffer)` to have each filled.
    pub fn build(
        weights: Weights,
        rows: usize,
        columns: usize,
        mut row: impl FnMut(usize, &mut [f32]),
    ) -> Matrix {
        let stride = weights.stride(columns);
        let mut buffer = vec![0.0f32; columns];
        let n = rows * stride;
        let data = match weights {
            Weights::F32 => {
                let mut all = vec![0.0f32; n];
                for (i, out) in all.chunks_mut(stride).enumerate() {
                    row(i, &mut out[..columns]);
                }
                Data::F32(Elements::Owned(all))
            }
            Weights::F16 => {
                let mut all = vec![f16::ZERO; n];
                for (i, out) in all.chunks_mut(stride).enumerate() {
                    row(i, &mut buffer);
                    out.iter_mut().zip(&buffer).for_each(|(o, &v)| *o = f16::from_f32(v));
                }
                Data::F16(Elements::Owned(all))
            }
            Weights::Q8 => {
                let mut all = vec![0i8; n];
                let mut scales = Vec::with_capacity(rows);
                for (i, out) in all.chunks_mut(stride).enumerate() {
                    row(i, &mut buffer);
                    let most = buffer.iter().fold(0.0f32, |a, v| a.max(v.abs()));
                    let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
                    out.iter_mut().zip(&buffer).for_each(|(o, &v)| *o = (v / scale).round_ties_even() as i8);
                    scales.push(scale);
                }
                Data::I8(Elements::Owned(all), scales)
            }
        };
        Matrix { rows, columns, stride, data }
    }
}
