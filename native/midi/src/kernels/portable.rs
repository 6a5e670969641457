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
    unsafe fn splat_i32(x: i32) -> Self::I {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn to_float(v: Self::I) -> Self::F {
        v.map(|x| x as f32)
    }
    #[inline(always)]
    unsafe fn load_i8(p: *const i8) -> Self::I {
        // SAFETY: readable for a whole vector.
        unsafe { p.cast::<Self::I>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn dot8(mut sum: Self::I, weights: Self::I, x: *const i8) -> Self::I {
        // SAFETY: readable for four numbers.
        let x = unsafe { x.cast::<[i8; 4]>().read_unaligned() };
        for (sum, four) in sum.iter_mut().zip(weights) {
            for (w, &x) in four.to_ne_bytes().into_iter().zip(&x) {
                *sum += i32::from(w as i8) * i32::from(x);
            }
        }
        sum
    }
}
