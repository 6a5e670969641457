use super::*;

/// Numbers in -1…1, the same every time.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn activations(columns: usize, count: usize) -> Floats {
    let mut x = Floats::new(columns, count);
    let values = noise(7, columns * count);
    for i in 0..count {
        x.row_mut(i)[..columns].copy_from_slice(&values[i * columns..(i + 1) * columns]);
    }
    x
}

/// The first alone under Miri, which is thousands of times slower.
fn some<T>(all: &[T]) -> &[T] {
    if cfg!(miri) { &all[..1] } else { all }
}

/// Row-major weights with rows padded to `stride`, and the exact products with the activations.
fn reference(w: &[f32], stride: usize, rows: usize, x: &Floats) -> Vec<f64> {
    let mut out = Vec::new();
    for c in 0..x.count {
        for r in 0..rows {
            let pairs = w[r * stride..(r + 1) * stride].iter().zip(x.row(c));
            out.push(pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum());
        }
    }
    out
}

fn close(name: &str, got: &[f32], want: &[f64], bound: f64) {
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(g) - w).abs() <= bound, "{name}: {i} is {g}, should be {w}");
    }
}

#[test]
fn float_products_are_right_in_every_set_and_shape() {
    for kernels in available() {
        for &(rows, columns, count) in
            some(&[(5, 48, 2), (1, 1, 1), (5, 48, 1), (9, 200, 3), (16, 128, 4), (7, 130, 5), (8, 64, 13)])
        {
            let x = activations(columns, count);
            let stride = columns.next_multiple_of(16);
            let mut w = vec![0.0; rows * stride];
            for (r, row) in w.chunks_mut(stride).enumerate() {
                row[..columns].copy_from_slice(&noise(r as u64 + 1, columns));
            }
            let halves: Vec<f16> = w.iter().map(|&v| f16::from_f32(v)).collect();
            let brains: Vec<bf16> = w.iter().map(|&v| bf16::from_f32(v)).collect();
            let from_f16: Vec<f32> = halves.iter().map(|v| v.to_f32()).collect();
            let from_bf16: Vec<f32> = brains.iter().map(|v| v.to_f32()).collect();
            let mut got = vec![0.0f32; rows * count];
            let out = Out { base: got.as_mut_ptr(), stride: rows };
            // SAFETY: shapes as above, and the set is there.
            unsafe {
                (kernels.matmul_f32)(w.as_ptr(), stride, 0..rows, &x, out);
                close(kernels.name, &got, &reference(&w, stride, rows, &x), 1e-5);
                (kernels.matmul_f16)(halves.as_ptr(), stride, 0..rows, &x, out);
                close(kernels.name, &got, &reference(&from_f16, stride, rows, &x), 1e-5);
                (kernels.matmul_bf16)(brains.as_ptr(), stride, 0..rows, &x, out);
                close(kernels.name, &got, &reference(&from_bf16, stride, rows, &x), 1e-5);
            }
        }
    }
}

#[test]
fn eight_bit_products_are_those_of_the_rounded_numbers() {
    for kernels in available() {
        for &(rows, columns, count) in some(&[
            (33, 130, 2),
            (1, 1, 1),
            (5, 128, 1),
            (40, 200, 3),
            (64, 384, 4),
            (6, 1024, 9),
            (33, 130, 6),
        ]) {
            let x = activations(columns, count);
            let stride = x.stride;
            let mut w = vec![0i8; rows * stride];
            for (r, row) in w.chunks_mut(stride).enumerate() {
                for (q, v) in row.iter_mut().zip(noise(r as u64 + 3, columns)) {
                    *q = (v * 127.0) as i8;
                }
            }
            let all = rows.next_multiple_of(PANEL);
            let mut panels = vec![0i8; all * stride];
            for (i, &q) in w.iter().enumerate() {
                let (row, column) = (i / stride, i % stride);
                panels[row / PANEL * PANEL * stride + in_panel(row % PANEL, column)] = q;
            }
            let scales: Vec<f32> = (0..all).map(|r| 0.01 + r as f32 * 0.001).collect();
            let mut quantised = Quantised::default();
            kernels.quantise(&x, &mut quantised);
            let mut rounded = Floats::new(columns, count);
            for c in 0..count {
                for i in 0..stride {
                    let scale = quantised.scales[(c * stride + i) / BLOCK];
                    rounded.row_mut(c)[i] = f32::from(quantised.values[c * stride + i]) * scale;
                    let apart = (rounded.row(c)[i] - x.row(c)[i]).abs();
                    assert!(apart <= scale * 0.5001, "{}: {apart} off at scale {scale}", kernels.name);
                }
            }
            let floats: Vec<f32> =
                w.iter().enumerate().map(|(i, &q)| f32::from(q) * scales[i / stride]).collect();
            let mut padded = vec![0.0f32; all * count];
            let out = Out { base: padded.as_mut_ptr(), stride: all };
            // SAFETY: shapes as above, and the set is there.
            unsafe { (kernels.matmul_q8)(panels.as_ptr(), scales.as_ptr(), 0..all / PANEL, &quantised, out) };
            let got: Vec<f32> = padded.chunks(all).flat_map(|column| column[..rows].to_vec()).collect();
            close(kernels.name, &got, &reference(&floats, stride, rows, &rounded), 1e-3);
        }
    }
}

#[test]
fn attention_in_parts_is_attention_at_once() {
    let (width, count) = (48, 37);
    let query = noise(1, width);
    let keys = noise(2, width * count);
    let values = noise(3, width * count);
    let dot = |t: usize| {
        let pairs = query.iter().zip(&keys[t * width..]);
        pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
    };
    let weights: Vec<f64> = (0..count).map(|t| dot(t).exp()).collect();
    let total: f64 = weights.iter().sum();
    let want: Vec<f64> = (0..width)
        .map(|i| (0..count).map(|t| weights[t] / total * f64::from(values[t * width + i])).sum())
        .collect();
    for kernels in available() {
        for &part in some(&[16, count, 5]) {
            let (mut state, mut sum) = (Softmax::default(), vec![0.0f32; width]);
            let mut scores = vec![0.0f32; count];
            for begin in (0..count).step_by(part) {
                let n = part.min(count - begin);
                let (k, v) = (keys[begin * width..].as_ptr(), values[begin * width..].as_ptr());
                // SAFETY: `n` keys and values of `width` each.
                unsafe {
                    (kernels.attend_f32)(
                        query.as_ptr(),
                        k,
                        v,
                        width,
                        n,
                        &mut state,
                        &mut scores,
                        sum.as_mut_ptr(),
                    );
                }
            }
            sum.iter_mut().for_each(|v| *v /= state.total);
            close(kernels.name, &sum, &want, 1e-5);
        }
    }
}

#[test]
fn exponentials_norms_and_gates() {
    let xs: Vec<f32> =
        (-1000..=880).step_by(if cfg!(miri) { 47 } else { 1 }).map(|i| i as f32 / 10.0).collect();
    for kernels in available() {
        let mut got = xs.clone();
        kernels.exp_all(&mut got);
        for (&x, &y) in xs.iter().zip(&got) {
            let want = f64::from(x).exp();
            let bound = if x < -87.0 { 2e-38 } else { want * 3e-7 };
            assert!((f64::from(y) - want).abs() <= bound, "exp({x}) = {y}, should be {want}");
        }
        let (x, w) = (noise(1, 37), noise(2, 37));
        let mut out = vec![0.0; 37];
        kernels.rms_norm(&x, &w, 1e-6, &mut out);
        let rms = (x.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / 37.0 + 1e-6).sqrt();
        let want: Vec<f64> = x.iter().zip(&w).map(|(&a, &b)| f64::from(a) / rms * f64::from(b)).collect();
        close(kernels.name, &out, &want, 1e-5);
        let mut gate = x.clone();
        kernels.silu_times(&mut gate, &w);
        let silu = |v: f64| v / (1.0 + (-v).exp());
        let want: Vec<f64> = x.iter().zip(&w).map(|(&a, &b)| silu(f64::from(a)) * f64::from(b)).collect();
        close(kernels.name, &gate, &want, 1e-6);
    }
}
