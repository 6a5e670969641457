//! The loops of all kernels, written once over any vectors. Everything here is inlined into functions that enable an
//! instruction set (`mod.rs`).

use super::simd::{Simd, Weight};
use super::{BLOCK, Floats, PANEL, Quantised};

/// Rows of weights that are worked on together where there are many activations: these are then read less often.
const ROWS: usize = 4;
/// Activations that share a read of the weights.
const COLUMNS: usize = 4;
/// Up to so many activations weights are read from memory once, and one row behind another: processors fetch ahead in
/// one long run twice as fast as in four at a distance of 1 KiB.
const FEW: usize = 8;
/// Vectors of one row that have sums of their own, so that sums do not wait for one another.
const UNROLL: usize = 4;

/// Where a kernel puts its results: `out[c * stride + row]`.
#[derive(Clone, Copy)]
pub struct Out {
    /// The first result.
    pub base: *mut f32,
    /// From one activation's results to the next's.
    pub stride: usize,
}

/// The sums of all vectors. A loop: a closure for `map` would not have the instruction set enabled.
#[inline(always)]
unsafe fn totals<S: Simd, const R: usize, const C: usize>(vectors: &[[S::F; C]; R]) -> [[f32; C]; R] {
    let mut totals = [[0.0f32; C]; R];
    for (totals, vectors) in totals.iter_mut().zip(vectors) {
        for (total, &vector) in totals.iter_mut().zip(vectors) {
            // SAFETY: the instruction set is there.
            *total = unsafe { S::sum(vector) };
        }
    }
    totals
}

/// `R` rows times `C` activations over `n` columns, `n` a multiple of the vector's length.
#[inline(always)]
unsafe fn tile<S: Simd, W: Weight, const R: usize, const C: usize>(
    w: *const W,
    w_stride: usize,
    x: *const f32,
    x_stride: usize,
    n: usize,
) -> [[f32; C]; R] {
    // SAFETY: the caller promises rows of `w_stride` and activations of `x_stride`, both at least `n` long.
    unsafe {
        let mut sums = [[S::zero(); C]; R];
        let mut k = 0;
        if R * C == 1 {
            let mut parts = [S::zero(); UNROLL];
            while k + UNROLL * S::F_LANES <= n {
                for (u, part) in parts.iter_mut().enumerate() {
                    let at = k + u * S::F_LANES;
                    *part = S::fma(W::load::<S>(w.add(at)), S::load(x.add(at)), *part);
                }
                k += UNROLL * S::F_LANES;
            }
            sums[0][0] = S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
        }
        while k < n {
            let mut xs = [S::zero(); C];
            for (c, xv) in xs.iter_mut().enumerate() {
                *xv = S::load(x.add(c * x_stride + k));
            }
            for (r, row) in sums.iter_mut().enumerate() {
                let weight = W::load::<S>(w.add(r * w_stride + k));
                for (sum, &xv) in row.iter_mut().zip(&xs) {
                    *sum = S::fma(weight, xv, *sum);
                }
            }
            k += S::F_LANES;
        }
        totals::<S, R, C>(&sums)
    }
}

/// `V` vectors of a panel's rows (see `PANEL`), from the panel's `part`-th such piece on, times `C` activations from
/// `first` on. Lanes are rows, so that nothing has to be added up across a vector.
#[inline(always)]
unsafe fn panel8<S: Simd, const V: usize, const C: usize>(
    w: *const i8,
    scales: *const f32,
    x: &Quantised,
    first: usize,
    part: usize,
    out: Out,
) {
    // SAFETY: the caller promises a panel as wide as the activations' stride, its rows' scales, activations from
    // `first` on and room for their results.
    unsafe {
        let begin = part * V;
        let mut sums = [[S::zero(); C]; V];
        let blocks = x.stride / BLOCK;
        for block in 0..blocks {
            let mut ints = [[S::splat_i32(0); C]; V];
            for c in 0..C {
                let start = S::splat_i32(*x.starts.as_ptr().add((first + c) * blocks + block));
                for row in &mut ints {
                    row[c] = start;
                }
            }
            let mut k = block * BLOCK;
            while k < (block + 1) * BLOCK {
                let at = w.add(k * PANEL + begin * S::I8_LANES);
                for (v, row) in ints.iter_mut().enumerate() {
                    let weights = S::load_i8(at.add(v * S::I8_LANES));
                    for (c, int) in row.iter_mut().enumerate() {
                        *int = S::dot8(*int, weights, x.values.as_ptr().add((first + c) * x.stride + k));
                    }
                }
                k += 4;
            }
            for c in 0..C {
                let scale = S::splat(*x.scales.as_ptr().add((first + c) * blocks + block));
                for v in 0..V {
                    sums[v][c] = S::fma(S::to_float(ints[v][c]), scale, sums[v][c]);
                }
            }
        }
        for (v, list) in sums.iter().enumerate() {
            let row = (begin + v) * S::F_LANES;
            let scale = S::load(scales.add(row));
            for (c, &sum) in list.iter().enumerate() {
                S::store(out.base.add((first + c) * out.stride + row), S::fma(sum, scale, S::zero()));
            }
        }
    }
}

#[inline(always)]
unsafe fn put<const R: usize, const C: usize>(out: Out, row: usize, column: usize, values: [[f32; C]; R]) {
    for (r, list) in values.iter().enumerate() {
        for (c, &value) in list.iter().enumerate() {
            // SAFETY: the caller promises a place for every row and column that it works on.
            unsafe { *out.base.add((column + c) * out.stride + row + r) = value };
        }
    }
}

/// Calls `$tile!(R, C, row, column)` over all tiles of rows `$rows` and `$columns` activations.
macro_rules! cover {
    ($rows:expr, $columns:expr, $tile:ident) => {{
        let (rows, columns) = ($rows, $columns);
        let whole_columns = columns / COLUMNS * COLUMNS;
        let whole_rows = match columns {
            0..=FEW => rows.start,
            _ => rows.start + rows.len() / ROWS * ROWS,
        };
        for c in (0..whole_columns).step_by(COLUMNS) {
            for row in (rows.start..whole_rows).step_by(ROWS) {
                $tile!(ROWS, COLUMNS, row, c);
            }
        }
        for c in whole_columns..columns {
            for row in (rows.start..whole_rows).step_by(ROWS) {
                $tile!(ROWS, 1, row, c);
            }
        }
        for row in whole_rows..rows.end {
            for c in (0..whole_columns).step_by(COLUMNS) {
                $tile!(1, COLUMNS, row, c);
            }
            match columns - whole_columns {
                0 => {}
                1 => $tile!(1, 1, row, whole_columns),
                2 => $tile!(1, 2, row, whole_columns),
                _ => $tile!(1, 3, row, whole_columns),
            }
        }
    }};
}

/// `rows` of a matrix of floats times all activations.
///
/// # Safety
/// `w` has rows of `w_stride`, a multiple of 16 and at most the activations' stride; `out` takes all results.
#[inline(always)]
pub unsafe fn matmul<S: Simd, W: Weight>(
    w: *const W,
    w_stride: usize,
    rows: std::ops::Range<usize>,
    x: &Floats,
    out: Out,
) {
    macro_rules! one {
        ($r:expr, $c:expr, $row:expr, $col:expr) => {
            // SAFETY: as this function's caller promises.
            unsafe {
                let xs = x.values.as_ptr().add($col * x.stride);
                let sums =
                    tile::<S, W, { $r }, { $c }>(w.add($row * w_stride), w_stride, xs, x.stride, w_stride);
                put(out, $row, $col, sums);
            }
        };
    }
    cover!(rows, x.count, one);
}

/// Some panels of an 8-bit matrix, with a scale for each row, times all activations, `V` vectors at a time.
///
/// # Safety
/// `w` has panels as wide as the activations' stride, `scales` one for each of their rows; `out` takes all results.
#[inline(always)]
pub unsafe fn matmul8<S: Simd, const V: usize>(
    w: *const i8,
    scales: *const f32,
    panels: std::ops::Range<usize>,
    x: &Quantised,
    out: Out,
) {
    let whole = x.count / COLUMNS * COLUMNS;
    macro_rules! one {
        ($c:expr, $panel:expr, $col:expr) => {
            for part in 0..PANEL / (V * S::F_LANES) {
                // SAFETY: as this function's caller promises.
                unsafe {
                    let (w, row) = (w.add($panel * PANEL * x.stride), $panel * PANEL);
                    let out = Out { base: out.base.add(row), stride: out.stride };
                    panel8::<S, V, { $c }>(w, scales.add(row), x, $col, part, out);
                }
            }
        };
    }
    // A panel is short enough to stay in the cache from one group of activations to the next.
    for panel in panels {
        for column in (0..whole).step_by(COLUMNS) {
            one!(COLUMNS, panel, column);
        }
        match x.count - whole {
            0 => {}
            1 => one!(1, panel, whole),
            2 => one!(2, panel, whole),
            _ => one!(3, panel, whole),
        }
    }
}

/// One query against `count` keys and values that lie `width` apart: adds unnormalised weights and values to a running
/// softmax.
///
/// # Safety
/// `query` and `sum` have `width` floats, a multiple of 16; `scores` room for `count`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn attend<S: Simd, W: Weight>(
    query: *const f32,
    keys: *const W,
    values: *const W,
    width: usize,
    count: usize,
    state: &mut super::Softmax,
    scores: &mut [f32],
    sum: *mut f32,
) {
    // SAFETY: as this function's caller promises.
    unsafe {
        let whole = count / 4 * 4;
        for t in (0..whole).step_by(4) {
            let four = tile::<S, W, 4, 1>(keys.add(t * width), width, query, width, width);
            for (place, [score]) in scores[t..t + 4].iter_mut().zip(four) {
                *place = score;
            }
        }
        for (t, place) in scores.iter_mut().enumerate().take(count).skip(whole) {
            *place = tile::<S, W, 1, 1>(keys.add(t * width), width, query, width, width)[0][0];
        }
        let scores = &mut scores[..count];
        let highest = scores.iter().fold(state.highest, |a, &b| a.max(b));
        if highest > state.highest {
            let factor = super::elementwise::exp(state.highest - highest);
            state.total *= factor;
            for i in 0..width {
                *sum.add(i) *= factor;
            }
            state.highest = highest;
        }
        for score in scores.iter_mut() {
            *score = super::elementwise::exp(*score - highest);
        }
        state.total += scores.iter().sum::<f32>();
        let mut i = 0;
        while i < width {
            // Four vectors at a time where they fit: the weights are then read a quarter as often.
            if i + 4 * S::F_LANES <= width {
                weighted::<S, W, 4>(values.add(i), width, scores, sum.add(i));
                i += 4 * S::F_LANES;
            } else {
                weighted::<S, W, 1>(values.add(i), width, scores, sum.add(i));
                i += S::F_LANES;
            }
        }
    }
}

#[inline(always)]
unsafe fn weighted<S: Simd, W: Weight, const N: usize>(
    values: *const W,
    stride: usize,
    weights: &[f32],
    sum: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [S::zero(); N];
        for (i, v) in sums.iter_mut().enumerate() {
            *v = S::load(sum.add(i * S::F_LANES));
        }
        for (t, &weight) in weights.iter().enumerate() {
            let weight = S::splat(weight);
            for (i, v) in sums.iter_mut().enumerate() {
                *v = S::fma(W::load::<S>(values.add(t * stride + i * S::F_LANES)), weight, *v);
            }
        }
        for (i, &v) in sums.iter().enumerate() {
            S::store(sum.add(i * S::F_LANES), v);
        }
    }
}
