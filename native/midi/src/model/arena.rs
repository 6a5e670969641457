//! Memory for weights that are not mapped from a file: large pieces that the system is asked to back with huge pages.
//! Reading weights is what bounds decoding, and with 4-KiB pages a third of the bandwidth goes to address translation.

use std::sync::Arc;

use memmap2::MmapMut;

use crate::error::{Error, Result};
use crate::kernels::Plain;

/// What huge pages are aligned to on x86 and on ARM with 4-KiB pages.
const HUGE: usize = 2 << 20;
/// Pieces are so long at least; what is not written of them takes no memory.
const PIECE: usize = 64 << 20;
/// What each array is aligned to: a cache line, which is a vector of the widest kind too.
const ALIGN: usize = 64;

/// One piece of memory, given back when the last array in it is dropped. Mapped, not allocated: a host's allocator may
/// refuse such an alignment by ending the process, as Electron's does above 1 MiB.
pub struct Piece {
    _map: MmapMut,
    base: *mut u8,
    size: usize,
}

// SAFETY: it is only memory; arrays in it are disjoint.
unsafe impl Send for Piece {}
// SAFETY: as above.
unsafe impl Sync for Piece {}

impl Piece {
    fn new(bytes: usize) -> Result<Piece> {
        let no_room = || {
            let message = format!("weights: expected {bytes} bytes of memory, found less");
            Error::memory(message).hint("Take --weights q8, or a smaller model.")
        };
        let length = bytes.checked_add(HUGE).ok_or_else(no_room)?;
        let mut map = MmapMut::map_anon(length).map_err(|_| no_room())?;
        let before = map.as_mut_ptr().align_offset(HUGE);
        // SAFETY: `before` is less than HUGE, which the map is longer by.
        let base = unsafe { map.as_mut_ptr().add(before) };
        #[cfg(all(target_os = "linux", not(miri)))]
        // SAFETY: the range is inside the map; the advice changes no contents.
        unsafe {
            libc::madvise(base.cast(), bytes, libc::MADV_HUGEPAGE);
        }
        Ok(Piece { _map: map, base, size: bytes })
    }
}

/// Hands out arrays, one behind another.
#[derive(Default)]
pub struct Arena {
    piece: Option<Arc<Piece>>,
    used: usize,
}

impl Arena {
    /// Room for `n` numbers, aligned to a cache line. Its contents are anything: all of it has to be written before any
    /// of it is read.
    pub fn room<T: Plain>(&mut self, n: usize) -> Result<(Arc<Piece>, *mut T)> {
        let bytes = (n * size_of::<T>()).next_multiple_of(ALIGN);
        let piece = match &self.piece {
            Some(piece) if self.used + bytes <= piece.size => piece.clone(),
            _ => {
                let piece = Arc::new(Piece::new(bytes.next_multiple_of(HUGE).max(PIECE))?);
                self.used = 0;
                self.piece.insert(piece).clone()
            }
        };
        // SAFETY: inside the piece, as compared above.
        let start = unsafe { piece.base.add(self.used) };
        self.used += bytes;
        Ok((piece, start.cast()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_apart_and_outlive_the_arena() {
        let mut arena = Arena::default();
        let mut arrays = Vec::new();
        for n in [1usize, 100, 7, 4096] {
            let (piece, start) = arena.room::<f32>(n).expect("room");
            assert!((start as usize).is_multiple_of(ALIGN));
            // SAFETY: room for `n` floats that nobody else has.
            unsafe { (0..n).for_each(|i| start.add(i).write(n as f32)) };
            arrays.push((piece, start, n));
        }
        drop(arena);
        for (_piece, start, n) in &arrays {
            // SAFETY: written above; the piece is held.
            let all = unsafe { std::slice::from_raw_parts(*start, *n) };
            assert!(all.iter().all(|&v| v == *n as f32));
        }
    }

    // Miri ends the program where a system would refuse the memory.
    #[test]
    #[cfg(not(miri))]
    fn more_than_there_is_is_an_error() {
        assert!(Arena::default().room::<f32>(1 << 58).is_err());
    }
}
