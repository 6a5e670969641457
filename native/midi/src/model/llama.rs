//! One net: layers of attention and gated products over a residual stream, with a cache of keys and values.

use crate::kernels::{Floats, Kernels, Out, Quantised, Softmax};
use crate::pool::{Pool, Shared};

use super::cache::Cache;
use super::config::NetConfig;
use super::matrix::Matrix;

/// Weights of one layer.
#[allow(missing_docs)]
pub struct Layer {
    pub q: Matrix,
    pub k: Matrix,
    pub v: Matrix,
    pub o: Matrix,
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
    pub attention_norm: Vec<f32>,
    pub mlp_norm: Vec<f32>,
}

/// A net's weights.
#[allow(missing_docs)]
pub struct Net {
    pub config: NetConfig,
    pub embed: Matrix,
    pub layers: Vec<Layer>,
    pub norm: Vec<f32>,
    /// Of the rotary embedding, one for each pair of a head.
    pub frequencies: Vec<f32>,
}

/// Where an activation belongs: which cache, and which position in it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Index of the cache.
    pub cache: usize,
    /// Position; the cache has all before it.
    pub position: usize,
}

/// Buffers of one forward pass, kept between passes.
pub struct Scratch {
    normed: Floats,
    normed8: Quantised,
    q: Floats,
    k: Floats,
    v: Floats,
    attended: Floats,
    attended8: Quantised,
    gate: Floats,
    up: Floats,
    gate8: Quantised,
    delta: Floats,
    angles: Vec<(f32, f32)>,
}

impl Scratch {
    /// For a net of this shape.
    pub fn new(config: &NetConfig) -> Scratch {
        let (wide, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        Scratch {
            normed: Floats::new(config.hidden_size, 1),
            normed8: Quantised::default(),
            q: Floats::new(wide, 1),
            k: Floats::new(kv, 1),
            v: Floats::new(kv, 1),
            attended: Floats::new(wide, 1),
            attended8: Quantised::default(),
            gate: Floats::new(config.intermediate_size, 1),
            up: Floats::new(config.intermediate_size, 1),
            gate8: Quantised::default(),
            delta: Floats::new(config.hidden_size, 1),
            angles: Vec::new(),
        }
    }

    fn resize(&mut self, count: usize) {
        for part in [
            &mut self.normed,
            &mut self.q,
            &mut self.k,
            &mut self.v,
            &mut self.attended,
            &mut self.gate,
            &mut self.up,
            &mut self.delta,
        ] {
            part.resize(count);
        }
    }
}

/// What runs a pass: the processor's functions and the threads.
pub struct Runner {
    /// The functions.
    pub kernels: Kernels,
    /// The threads.
    pub pool: Pool,
}

/// Bytes of weights that one part of a product reads: long enough to stream, short enough to share out.
const PART_BYTES: usize = 48 << 10;

impl Runner {
    /// Products of several matrices with the same activations, in one go.
    pub fn multiply(&mut self, x: &Floats, x8: &mut Quantised, jobs: &mut [(&Matrix, &mut Floats)]) {
        if jobs.iter().any(|(matrix, _)| matrix.is_q8()) {
            self.kernels.quantise(x, x8);
        }
        let x8 = &*x8;
        let mut parts: Vec<(&Matrix, std::ops::Range<usize>, Shared<f32>, usize)> = Vec::new();
        for (matrix, out) in jobs.iter_mut() {
            assert!(matrix.stride <= x.stride && (!matrix.is_q8() || matrix.stride == x.stride));
            let together = matrix.together();
            assert!(out.count == x.count && out.stride >= matrix.rows.next_multiple_of(together));
            let rows = (PART_BYTES / (matrix.bytes() / matrix.rows).max(1)).max(8).next_multiple_of(together);
            let base = Shared(out.values.as_mut_ptr());
            for start in (0..matrix.rows).step_by(rows) {
                parts.push((matrix, start..(start + rows).min(matrix.rows), base, out.stride));
            }
        }
        let kernels = &self.kernels;
        self.pool.run(parts.len(), &|i| {
            let (matrix, rows, base, stride) = &parts[i];
            let out = Out { base: base.get(), stride: *stride };
            // SAFETY: outputs have room for all rows, and parts have disjoint rows or outputs.
            unsafe { matrix.multiply(kernels, rows.clone(), x, x8, out) }
        });
    }

    /// Runs `work` over the rows of `a`, together with the same rows of `b`.
    fn rows(&mut self, a: &mut Floats, b: &Floats, work: impl Fn(&Kernels, &mut [f32], &[f32]) + Sync) {
        let kernels = &self.kernels;
        let (base, stride, count) = (Shared(a.values.as_mut_ptr()), a.stride, a.count);
        let body = |i: usize| {
            // SAFETY: every part has a row of its own.
            let row = unsafe { std::slice::from_raw_parts_mut(base.get().add(i * stride), stride) };
            work(kernels, row, b.row(i));
        };
        if count < 16 {
            (0..count).for_each(body);
        } else {
            self.pool.run(count, &body);
        }
    }
}

impl Net {
    /// Bytes of the layers' matrices.
    pub fn matrix_bytes(&self) -> usize {
        let layer = |l: &Layer| {
            [&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down].map(Matrix::bytes).iter().sum::<usize>()
        };
        self.layers.iter().map(layer).sum()
    }

    /// Sends activations through all layers and the last norm; `x` holds the embeddings and then the result. Keys
    /// and values go into the caches; activations of one cache stand in the order of their positions.
    pub fn forward(
        &self,
        runner: &mut Runner,
        x: &mut Floats,
        places: &[Place],
        caches: &mut [Cache],
        s: &mut Scratch,
    ) {
        assert_eq!(x.count, places.len());
        let config = &self.config;
        let hidden = config.hidden_size;
        s.resize(x.count);
        self.angles(places, &mut s.angles);
        for (i, layer) in self.layers.iter().enumerate() {
            runner.rows(&mut s.normed, x, |k, out, x| {
                k.rms_norm(&x[..hidden], &layer.attention_norm, config.rms_norm_eps, &mut out[..hidden]);
            });
            let mut jobs = [(&layer.q, &mut s.q), (&layer.k, &mut s.k), (&layer.v, &mut s.v)];
            runner.multiply(&s.normed, &mut s.normed8, &mut jobs);
            self.rotate(&mut s.q, config.heads, &s.angles, 1.0 / (config.head_dim as f32).sqrt());
            self.rotate(&mut s.k, config.kv_heads, &s.angles, 1.0);
            for (c, place) in places.iter().enumerate() {
                caches[place.cache].put(i, place.position, s.k.row(c), s.v.row(c));
            }
            self.attend(runner, i, places, caches, &s.q, &mut s.attended);
            runner.multiply(&s.attended, &mut s.attended8, &mut [(&layer.o, &mut s.delta)]);
            add(x, &s.delta);

            runner.rows(&mut s.normed, x, |k, out, x| {
                k.rms_norm(&x[..hidden], &layer.mlp_norm, config.rms_norm_eps, &mut out[..hidden]);
            });
            let mut jobs = [(&layer.gate, &mut s.gate), (&layer.up, &mut s.up)];
            runner.multiply(&s.normed, &mut s.normed8, &mut jobs);
            runner.rows(&mut s.gate, &s.up, |k, gate, up| k.silu_times(gate, up));
            runner.multiply(&s.gate, &mut s.gate8, &mut [(&layer.down, &mut s.delta)]);
            add(x, &s.delta);
        }
        for place in places {
            caches[place.cache].length = place.position + 1;
        }
        runner.rows(&mut s.normed, x, |k, out, x| {
            k.rms_norm(&x[..hidden], &self.norm, config.rms_norm_eps, &mut out[..hidden]);
        });
        std::mem::swap(x, &mut s.normed);
    }

    /// Cosine and sine for every place and pair of a head.
    fn angles(&self, places: &[Place], out: &mut Vec<(f32, f32)>) {
        out.clear();
        for place in places {
            for frequency in &self.frequencies {
                let angle = f64::from(place.position as f32 * frequency);
                out.push((angle.cos() as f32, angle.sin() as f32));
            }
        }
    }

    /// Turns the halves of each head by the position's angles, and scales.
    fn rotate(&self, x: &mut Floats, heads: usize, angles: &[(f32, f32)], scale: f32) {
        let (dim, half) = (self.config.head_dim, self.config.head_dim / 2);
        for c in 0..x.count {
            let angles = &angles[c * half..(c + 1) * half];
            for head in x.row_mut(c)[..heads * dim].chunks_mut(dim) {
                let (low, high) = head.split_at_mut(half);
                for ((a, b), (cos, sin)) in low.iter_mut().zip(high).zip(angles) {
                    (*a, *b) = ((*a * cos - *b * sin) * scale, (*b * cos + *a * sin) * scale);
                }
            }
        }
    }

    fn attend(
        &self,
        runner: &mut Runner,
        layer: usize,
        places: &[Place],
        caches: &[Cache],
        q: &Floats,
        out: &mut Floats,
    ) {
        let config = &self.config;
        let (dim, heads) = (config.head_dim, config.heads);
        let shared = config.heads / config.kv_heads;
        let kernels = &runner.kernels;
        let (base, stride) = (Shared(out.values.as_mut_ptr()), out.stride);
        let work = |i: usize| {
            let (c, head) = (i / heads, i % heads);
            let place = places[c];
            let cache = &caches[place.cache];
            let query = cache.pad_query(&q.row(c)[head * dim..(head + 1) * dim]);
            let mut sum = vec![0.0f32; cache.width()];
            let mut state = Softmax::default();
            let kv_head = head / shared;
            cache.attend(kernels, layer, kv_head, place.position + 1, &query, &mut state, &mut sum);
            // SAFETY: every part has a head of a row of its own.
            let to = unsafe { std::slice::from_raw_parts_mut(base.get().add(c * stride + head * dim), dim) };
            for (to, v) in to.iter_mut().zip(&sum) {
                *to = v / state.total;
            }
        };
        let all = places.len() * heads;
        let keys: usize = places.iter().map(|p| p.position + 1).sum();
        if keys * heads * dim < 1 << 16 {
            (0..all).for_each(work);
        } else {
            runner.pool.run(all, &work);
        }
    }
}

fn add(x: &mut Floats, delta: &Floats) {
    let n = x.count * x.stride;
    for (x, d) in x.values[..n].iter_mut().zip(&delta.values[..n]) {
        *x += d;
    }
}
