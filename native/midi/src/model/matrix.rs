//! Weights in memory: mapped from the file where it has them as they are needed, converted otherwise.

use std::sync::Arc;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use memmap2::Mmap;

use crate::error::Result;
use crate::kernels::{BLOCK, Floats, Kernels, Lines, Out, PANEL, Plain, Quantised, in_panel};
use crate::pool::{Pool, Shared};

use super::arena::{Arena, Piece};
use super::llama::Runner;

/// Rows of floats are padded to whole vectors.
const FLOAT_PAD: usize = 16;
/// Bytes that one thread makes at a time.
const PART_BYTES: usize = 256 << 10;

/// Numbers that live in a mapped file or in memory of ours.
pub struct Elements<T> {
    start: *const T,
    count: usize,
    _keeper: Keeper,
}

/// What has to live as long as the numbers.
pub enum Keeper {
    /// A mapped file.
    File(Arc<Mmap>),
    /// Memory of ours.
    Memory(Arc<Piece>),
}

// SAFETY: nobody writes to the numbers any more, and what they lie in lives as long as this.
unsafe impl<T: Sync> Sync for Elements<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Elements<T> {}

impl<T: Plain + Sync> Elements<T> {
    /// # Safety
    /// `start` is aligned, `count` numbers have been written behind it and are not written again, and `keeper` keeps
    /// them.
    pub unsafe fn new(start: *const T, count: usize, keeper: Keeper) -> Elements<T> {
        Elements { start, count, _keeper: keeper }
    }

    /// Rows of `stride` numbers in memory of ours, each filled by `fill(row, to)`, on all threads of the pool.
    fn build(
        rows: usize,
        stride: usize,
        arena: &mut Arena,
        pool: &mut Pool,
        fill: impl Fn(usize, &mut [T]) + Sync,
        zero: T,
    ) -> Result<Elements<T>> {
        let count = rows * stride;
        let (piece, start) = arena.room::<T>(count)?;
        let together = (PART_BYTES / (stride * size_of::<T>()).max(1)).max(1);
        let base = Shared(start);
        pool.run(rows.div_ceil(together), &|part| {
            for row in part * together..((part + 1) * together).min(rows) {
                // SAFETY: inside the room, and no other part has this row. Zeroed before it is a slice.
                let to = unsafe {
                    let to = base.get().add(row * stride);
                    (0..stride).for_each(|i| to.add(i).write(zero));
                    std::slice::from_raw_parts_mut(to, stride)
                };
                fill(row, to);
            }
        });
        // SAFETY: all rows have been written; the piece is kept.
        Ok(unsafe { Elements::new(start, count, Keeper::Memory(piece)) })
    }
}

impl<T> std::ops::Deref for Elements<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: as promised when it was made.
        unsafe { std::slice::from_raw_parts(self.start, self.count) }
    }
}

/// The numbers of a matrix.
#[allow(missing_docs)]
pub enum Data {
    F32(Elements<f32>),
    F16(Elements<f16>),
    Bf16(Elements<bf16>),
    /// Row by row, with a scale for each: to look rows up in.
    I8(Elements<i8>, Vec<f32>),
    /// In panels (see `kernels::PANEL`), with a scale for each row: to multiply with.
    Panels(Elements<i8>, Lines<f32>),
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

/// What a matrix is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Single rows of it are wanted.
    LookUp,
    /// It is multiplied with activations.
    Multiply,
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
            Data::I8(..) | Data::Panels(..) => 1,
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
            Data::Panels(d, scales) => {
                let panel = &d[row / PANEL * PANEL * self.stride..];
                let number = |column| f32::from(panel[in_panel(row % PANEL, column)]);
                out.enumerate().for_each(|(column, o)| *o += number(column) * scales[row]);
            }
        }
    }

    /// Rows that a part of a product has to be a multiple of, but for the last.
    pub fn together(&self) -> usize {
        if let Data::Panels(..) = self.data { PANEL } else { 1 }
    }

    /// Whether products want 8-bit activations.
    pub fn is_q8(&self) -> bool {
        matches!(self.data, Data::I8(..) | Data::Panels(..))
    }

    /// Products of `rows` with all activations into `out`: results of activation `c` begin at `c * stride`.
    ///
    /// # Safety
    /// `out` takes `self.rows` results for each activation, in panels `self.rows` rounded up to whole ones, and nobody
    /// else touches those of `rows` meanwhile. `rows` begins and ends at a multiple of `together` or at the last row.
    pub unsafe fn multiply(
        &self,
        kernels: &Kernels,
        rows: std::ops::Range<usize>,
        x: &Floats,
        x8: &Quantised,
        out: Out,
    ) {
        debug_assert!(rows.end <= self.rows && self.stride <= x.stride);
        let panels = rows.start / PANEL..rows.end.div_ceil(PANEL);
        // SAFETY: strides fit: floats' are at most the activations', 8-bit ones' equal. The kernels are there.
        unsafe {
            match &self.data {
                Data::F32(d) => (kernels.matmul_f32)(d.as_ptr(), self.stride, rows, x, out),
                Data::F16(d) => (kernels.matmul_f16)(d.as_ptr(), self.stride, rows, x, out),
                Data::Bf16(d) => (kernels.matmul_bf16)(d.as_ptr(), self.stride, rows, x, out),
                Data::Panels(d, scales) => (kernels.matmul_q8)(d.as_ptr(), scales.as_ptr(), panels, x8, out),
                Data::I8(..) => unreachable!("8-bit rows are looked up only"),
            }
        }
    }

    /// Makes a matrix row by row, on all threads; `row(i, buffer)` fills each with floats.
    pub fn build(
        weights: Weights,
        role: Use,
        [rows, columns]: [usize; 2],
        arena: &mut Arena,
        runner: &mut Runner,
        row: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Matrix> {
        let stride = weights.stride(columns);
        let Runner { kernels, pool } = runner;
        let data = match weights {
            Weights::F32 => {
                let fill = |i, to: &mut [f32]| row(i, &mut to[..columns]);
                Data::F32(Elements::build(rows, stride, arena, pool, fill, 0.0)?)
            }
            Weights::F16 => {
                let fill = |i, to: &mut [f16]| {
                    let mut floats = vec![0.0; columns];
                    row(i, &mut floats);
                    to[..columns].convert_from_f32_slice(&floats);
                };
                Data::F16(Elements::build(rows, stride, arena, pool, fill, f16::ZERO)?)
            }
            Weights::Q8 => {
                return Matrix::build_q8(role, [rows, columns], arena, pool, |i, to| {
                    let mut floats = vec![0.0; columns];
                    row(i, &mut floats);
                    kernels.quantise_row(&floats, to)
                });
            }
        };
        Ok(Matrix { rows, columns, stride, data })
    }

    /// The same of 8-bit rows, which `row(i, buffer)` fills; it gives their scales.
    pub fn build_q8(
        role: Use,
        [rows, columns]: [usize; 2],
        arena: &mut Arena,
        pool: &mut Pool,
        row: impl Fn(usize, &mut [i8]) -> f32 + Sync,
    ) -> Result<Matrix> {
        let stride = Weights::Q8.stride(columns);
        let data = match role {
            Use::LookUp => {
                let mut scales = vec![0.0f32; rows];
                let places = Shared(scales.as_mut_ptr());
                let fill = |i: usize, to: &mut [i8]| {
                    let scale = row(i, &mut to[..columns]);
                    // SAFETY: `i` is below `rows`, and each row is filled once.
                    unsafe { places.get().add(i).write(scale) };
                };
                Data::I8(Elements::build(rows, stride, arena, pool, fill, 0)?, scales)
            }
            Use::Multiply => {
                let panels = rows.div_ceil(PANEL);
                let mut scales: Lines<f32> = Lines::zeros(panels * PANEL);
                let places = Shared(scales.as_mut_ptr());
                let fill = |panel: usize, to: &mut [i8]| {
                    let mut numbers = vec![0i8; columns];
                    let first = panel * PANEL;
                    for i in first..(first + PANEL).min(rows) {
                        let scale = row(i, &mut numbers);
                        // SAFETY: `i` is below `rows`, and each row is filled once.
                        unsafe { places.get().add(i).write(scale) };
                        for (quad, four) in numbers.chunks(4).enumerate() {
                            to[in_panel(i - first, quad * 4)..][..four.len()].copy_from_slice(four);
                        }
                    }
                };
                Data::Panels(Elements::build(panels, PANEL * stride, arena, pool, fill, 0)?, scales)
            }
        };
        Ok(Matrix { rows, columns, stride, data })
    }
}
