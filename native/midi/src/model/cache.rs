//! Keys and values of one sequence in one net, in blocks, so that growing copies nothing.

use half::f16;

use crate::kernels::{Kernels, Softmax};

use super::config::NetConfig;

/// Positions in a block.
const BLOCK: usize = 256;

/// Numbers of one block: for every layer and head the keys of all its positions, and the values.
#[derive(Clone)]
enum Block {
    F32(Vec<f32>, Vec<f32>),
    F16(Vec<f16>, Vec<f16>),
}

/// Keys and values of a sequence.
#[derive(Clone)]
pub struct Cache {
    blocks: Vec<Block>,
    layers: usize,
    heads: usize,
    dim: usize,
    block: usize,
    exact: bool,
    /// Positions that are there.
    pub length: usize,
}

impl Cache {
    /// Empty. `exact` keeps 32-bit floats, otherwise 16-bit ones; sequences stay below `most` positions if that is
    /// small.
    pub fn new(config: &NetConfig, exact: bool, most: usize) -> Cache {
        let (layers, heads, dim) = (config.layers, config.kv_heads, config.head_dim);
        Cache { blocks: Vec::new(), layers, heads, dim, block: most.min(BLOCK), exact, length: 0 }
    }

    /// Width of a key, padded to whole vectors.
    pub fn width(&self) -> usize {
        self.dim.next_multiple_of(16)
    }

    /// A query with the padding of keys.
    pub fn pad_query(&self, query: &[f32]) -> Vec<f32> {
        let mut padded = query.to_vec();
        padded.resize(self.width(), 0.0);
        padded
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        let each = if self.exact { 4 } else { 2 };
        self.blocks.len() * self.layers * self.heads * self.block * self.width() * 2 * each
    }

    /// Forgets what comes after `length` positions.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    fn at(&self, layer: usize, head: usize, position: usize) -> usize {
        ((layer * self.heads + head) * self.block + position) * self.width()
    }

    /// Keys and values (all heads) of one position.
    pub fn put(&mut self, layer: usize, position: usize, keys: &[f32], values: &[f32]) {
        let (block, inside) = (position / self.block, position % self.block);
        while self.blocks.len() <= block {
            let n = self.layers * self.heads * self.block * self.width();
            self.blocks.push(if self.exact {
                Block::F32(vec![0.0; n], vec![0.0; n])
            } else {
                Block::F16(vec![f16::ZERO; n], vec![f16::ZERO; n])
            });
        }
        for head in 0..self.heads {
            let at = self.at(layer, head, inside);
            let (from, to) = (head * self.dim..(head + 1) * self.dim, at..at + self.dim);
            match &mut self.blocks[block] {
                Block::F32(k, v) => {
                    k[to.clone()].copy_from_slice(&keys[from.clone()]);
                    v[to].copy_from_slice(&values[from]);
                }
                Block::F16(k, v) => {
                    half_slice(&keys[from.clone()], &mut k[to.clone()]);
                    half_slice(&values[from], &mut v[to]);
                }
            }
        }
    }

    /// A padded query against the first `count` positions of a head; adds to `sum`, unnormalised.
    #[allow(clippy::too_many_arguments)]
    pub fn attend(
        &self,
        kernels: &Kernels,
        layer: usize,
        head: usize,
        count: usize,
        query: &[f32],
        state: &mut Softmax,
        sum: &mut [f32],
    ) {
        let width = self.width();
        assert!(query.len() == width && sum.len() == width);
        let mut scores = [0.0f32; BLOCK];
        let mut left = count;
        for block in &self.blocks {
            let n = left.min(self.block);
            if n == 0 {
                break;
            }
            left -= n;
            let range = self.at(layer, head, 0)..self.at(layer, head, n);
            let (q, out) = (query.as_ptr(), sum.as_mut_ptr());
            // SAFETY: `n` keys and values of `width` lie in the range; query and sum are as wide.
            unsafe {
                match block {
                    Block::F32(k, v) => {
                        let (k, v) = (k[range.clone()].as_ptr(), v[range].as_ptr());
                        (kernels.attend_f32)(q, k, v, width, n, state, &mut scores, out);
                    }
                    Block::F16(k, v) => {
                        let (k, v) = (k[range.clone()].as_ptr(), v[range].as_ptr());
                        (kernels.attend_f16)(q, k, v, width, n, state, &mut scores, out);
                    }
                }
            }
        }
        assert_eq!(left, 0, "positions that are not in the cache");
    }
}

/// Rounds to 16 bits; beyond their range to the largest finite number.
fn half_slice(from: &[f32], to: &mut [f16]) {
    use half::slice::HalfFloatSliceExt;
    to.convert_from_f32_slice(from);
    for (to, &from) in to.iter_mut().zip(from) {
        if to.is_infinite() {
            *to = if from > 0.0 { f16::MAX } else { f16::MIN };
        }
    }
}
