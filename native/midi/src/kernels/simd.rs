//! What a kernel needs of a processor's vectors. Each instruction set implements it; the loops in `tiles` are
//! written once over it.
//!
//! All functions are `unsafe` for one reason: the processor has to have the instruction set, and pointers must be
//! readable for a whole vector. They are inlined into functions that enable the set.

/// Vectors of one instruction set.
pub trait Simd: Copy {
    /// A vector of floats.
    type F: Copy;
    /// A vector of 32-bit integers.
    type I: Copy;
    /// Floats in a vector.
    const F_LANES: usize;
    /// 8-bit integers in a vector.
    const I8_LANES: usize;

    unsafe fn zero() -> Self::F;
    unsafe fn splat(x: f32) -> Self::F;
    unsafe fn load(p: *const f32) -> Self::F;
    /// IEEE half precision.
    unsafe fn load_f16(p: *const u16) -> Self::F;
    /// The upper halves of floats.
    unsafe fn load_bf16(p: *const u16) -> Self::F;
    unsafe fn store(p: *mut f32, v: Self::F);
    /// `a * b + c`, rounded once where the processor can.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    /// The sum of all lanes.
    unsafe fn sum(v: Self::F) -> f32;

    /// The same integer in all lanes.
    unsafe fn splat_i32(x: i32) -> Self::I;
    unsafe fn to_float(v: Self::I) -> Self::F;
    /// `I8_LANES` weights, four of one row in each lane of 32 bits, as `dot8` wants them. They are in -127…127.
    unsafe fn load_i8(p: *const i8) -> Self::I;
    /// Adds to each lane its four weights times the four activations at `x`.
    ///
    /// Where `BIASED`, it adds 128 times the activations to the result as well, and whoever calls it starts its sums
    /// at minus that.
    unsafe fn dot8(sum: Self::I, weights: Self::I, x: *const i8) -> Self::I;
    /// See `dot8`.
    const BIASED: bool;
}

/// How weights lie in memory, for the float kernels.
pub trait Weight: Copy {
    unsafe fn load<S: Simd>(p: *const Self) -> S::F;
}

impl Weight for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const f32) -> S::F {
        // SAFETY: as the caller promises.
        unsafe { S::load(p) }
    }
}

impl Weight for half::f16 {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const Self) -> S::F {
        // SAFETY: as the caller promises; half::f16 is a transparent u16.
        unsafe { S::load_f16(p.cast()) }
    }
}

impl Weight for half::bf16 {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const Self) -> S::F {
        // SAFETY: as the caller promises; half::bf16 is a transparent u16.
        unsafe { S::load_bf16(p.cast()) }
    }
}
