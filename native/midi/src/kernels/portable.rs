//! Plain Rust in the shape of vectors, for processors without a kernel of their own and as the others' measure.

use super::simd::Simd;

#[derive(Clone, Copy)]
pub struct Portable;

const LANES: usize = 8;

impl Simd for Portable {
    type F = [f32; LANES];
    type I = [i32; LANES];
    const F_LANES: usize = LANES;
    const I8_LANES: usize = 32;
    const BIASED: bool = false;

    #[inline(always)]
    unsafe fn zero() -> Self::F {
        [0.0; LANES]
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::F {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::F {
        // SAFETY: readable for a whole vector.
        unsafe { p.cast::<Self::F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u16) -> Self::F {
        // SAFETY: readable for a whole vector.
        let bits = unsafe { p.cast::<[u16; LANES]>().read_unaligned() };
        bits.map(|b| half::f16::from_bits(b).to_f32())
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u16) -> Self::F {
        // SAFETY: readable for a whole vector.
        let bits = unsafe { p.cast::<[u16; LANES]>().read_unaligned() };
        bits.map(|b| f32::from_bits(u32::from(b) << 16))
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::F) {
        // SAFETY: writable for a whole vector.
        unsafe { p.cast::<Self::F>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, mut c: Self::F) -> Self::F {
        for i in 0..LANES {
            c[i] += a[i] * b[i];
        }
        c
    }
    #[inline(always)]
    unsafe fn add(mut a: Self::F, b: Self::F) -> Self::F {
        for i in 0..LANES {
            a[i] += b[i];
        }
        a
    }
    #[inline(always)]
    unsafe fn sum(v: Self::F) -> f32 {
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }
    #[inline(always)]
    unsafe fn load_i32(p: *const i32) -> Self::I {
        // SAFETY: readable for a whole vector.
        unsafe { p.cast::<Self::I>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn to_float(v: Self::I) -> Self::F {
        v.map(|x| x as f32)
    }
    #[inline(always)]
    unsafe fn dot8(mut sum: Self::I, weights: *const i8, activations: *const i8) -> Self::I {
        // SAFETY: both readable for a whole step.
        let (w, x) = unsafe {
            (weights.cast::<[i8; 32]>().read_unaligned(), activations.cast::<[i8; 32]>().read_unaligned())
        };
        for lane in 0..LANES {
            for k in 0..4 {
                sum[lane] += i32::from(w[lane * 4 + k]) * i32::from(x[lane * 4 + k]);
            }
        }
        sum
    }
}
