//! NEON: every 64-bit ARM processor.

use core::arch::aarch64::*;

use super::simd::Simd;

#[derive(Clone, Copy)]
pub struct Neon;

impl Simd for Neon {
    type F = float32x4_t;
    type I = int32x4_t;
    const F_LANES: usize = 4;
    const I8_LANES: usize = 16;
    const BIASED: bool = false;

    #[inline(always)]
    unsafe fn zero() -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vdupq_n_f32(0.0) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u16) -> float32x4_t {
        // Moves exponent and mantissa into place and lets one multiplication mend the exponent's bias: right for
        // subnormal numbers too. Weights hold no infinity.
        // SAFETY: see the trait.
        unsafe {
            let wide = vmovl_u16(vld1_u16(p));
            let sign = vshlq_n_u32::<16>(vandq_u32(wide, vdupq_n_u32(0x8000)));
            let rest = vshlq_n_u32::<13>(vandq_u32(wide, vdupq_n_u32(0x7fff)));
            let scaled = vmulq_f32(vreinterpretq_f32_u32(rest), vdupq_n_f32(f32::from_bits(0x7780_0000)));
            vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(scaled), sign))
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u16) -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<16>(vmovl_u16(vld1_u16(p)))) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: float32x4_t) {
        // SAFETY: see the trait.
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sum(v: float32x4_t) -> f32 {
        // SAFETY: see the trait.
        unsafe { vaddvq_f32(v) }
    }
    #[inline(always)]
    unsafe fn splat_i32(x: i32) -> int32x4_t {
        // SAFETY: see the trait.
        unsafe { vdupq_n_s32(x) }
    }
    #[inline(always)]
    unsafe fn to_float(v: int32x4_t) -> float32x4_t {
        // SAFETY: see the trait.
        unsafe { vcvtq_f32_s32(v) }
    }
    #[inline(always)]
    unsafe fn load_i8(p: *const i8) -> int32x4_t {
        // SAFETY: see the trait.
        unsafe { vreinterpretq_s32_s8(vld1q_s8(p)) }
    }
    #[inline(always)]
    unsafe fn dot8(sum: int32x4_t, weights: int32x4_t, x: *const i8) -> int32x4_t {
        // Two products of at most 127 * 127 fit into 16 bits, as neither side has -128.
        // SAFETY: see the trait.
        unsafe {
            let x = vreinterpret_s8_s32(vdup_n_s32(x.cast::<i32>().read_unaligned()));
            let w = vreinterpretq_s8_s32(weights);
            let pairs = vpaddq_s16(vmull_s8(vget_low_s8(w), x), vmull_s8(vget_high_s8(w), x));
            vpadalq_s16(sum, pairs)
        }
    }
}
