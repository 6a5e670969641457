//! Arrays that begin at a cache line: a vector that crosses one costs two loads.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Numbers that any bits make, 0 by zeros.
pub trait Plain: Copy {}
impl Plain for f32 {}
impl Plain for i32 {}
impl Plain for i8 {}
impl Plain for half::f16 {}
impl Plain for half::bf16 {}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A growing array of numbers, aligned to a cache line.
#[derive(Clone)]
pub struct Lines<T> {
    lines: Vec<Line>,
    count: usize,
    kind: PhantomData<T>,
}

impl<T: Plain> Default for Lines<T> {
    fn default() -> Lines<T> {
        Lines { lines: Vec::new(), count: 0, kind: PhantomData }
    }
}

impl<T: Plain> Lines<T> {
    /// `count` zeros.
    pub fn zeros(count: usize) -> Lines<T> {
        let mut all = Lines::default();
        all.resize(count);
        all
    }

    /// Longer or shorter; what is new is anything.
    pub fn resize(&mut self, count: usize) {
        let lines = (count * size_of::<T>()).div_ceil(64);
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([0; 64]));
        }
        self.count = count;
    }
}

impl<T: Plain> Deref for Lines<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the lines hold so many numbers at least, and any bits are one.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.count) }
    }
}

impl<T: Plain> DerefMut for Lines<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.count) }
    }
}
