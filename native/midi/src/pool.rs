//! A few threads that share the work of one session. They take parts of a job as they come free, so that a thread
//! which the system has set aside delays nobody; idle, they look out for work for some microseconds and then sleep.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Looks for work that many times before sleeping: some tens of microseconds, longer than the gaps between the
/// products of one event.
const LOOKS: u32 = 4000;

/// `state`: whether a job is open, how many helpers are in it, and its number.
const OPEN: u64 = 1 << 16;
const HELPERS: u64 = OPEN - 1;
const NUMBER: u64 = 1 << 17;

/// A pointer that parts of a job write disjoint places of.
#[derive(Clone, Copy)]
pub struct Shared<T>(pub *mut T);
// SAFETY: every user says which places are whose.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The pointer.
    pub fn get(self) -> *mut T {
        self.0
    }
}

/// Threads that the processor runs at once.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get()).min(16)
}

type Work = *const (dyn Fn(usize) + Sync);

struct State {
    state: AtomicU64,
    next: AtomicUsize,
    parts: AtomicUsize,
    /// Written by the owner while no job is open and no helper is in one.
    work: UnsafeCell<Option<Work>>,
    sleepers: AtomicUsize,
    door: Mutex<()>,
    bell: Condvar,
    closing: AtomicBool,
    panicked: AtomicBool,
}

// SAFETY: `work` is read by helpers only between joining an open job and leaving it; the owner writes it when the
// job is closed and everybody has left (see `run`).
unsafe impl Sync for State {}
// SAFETY: the pointer in `work` is only followed while `run`, which holds the reference, has not returned.
unsafe impl Send for State {}

/// The threads; ended and joined when this is dropped.
pub struct Pool {
    shared: Arc<State>,
    helpers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// A pool of `threads`, the caller's own among them. With fewer where the system gives no more.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(State {
            state: AtomicU64::new(0),
            next: AtomicUsize::new(0),
            parts: AtomicUsize::new(0),
            work: UnsafeCell::new(None),
            sleepers: AtomicUsize::new(0),
            door: Mutex::new(()),
            bell: Condvar::new(),
            closing: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let start = |_| {
            let shared = shared.clone();
            std::thread::Builder::new().name("skytnt-midi".into()).spawn(move || help(&shared)).ok()
        };
        let helpers = (1..threads).map_while(start).collect();
        Pool { shared, helpers }
    }

    /// Threads, the caller's own among them.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Runs `work(0)` to `work(parts - 1)`, each once, on all threads; returns when all have run.
    pub fn run(&mut self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        if self.helpers.is_empty() || parts < 2 {
            (0..parts).for_each(work);
            return;
        }
        let shared = &*self.shared;
        // SAFETY: `&mut self` means that no other job runs, and the last one has been left by all helpers. The
        // lifetime is forgotten; the pointer is followed only until this function has seen all helpers leave.
        unsafe {
            *shared.work.get() = Some(std::mem::transmute::<*const (dyn Fn(usize) + Sync), Work>(work))
        };
        shared.next.store(0, Ordering::Relaxed);
        shared.parts.store(parts, Ordering::Relaxed);
        let state = shared.state.load(Ordering::Relaxed);
        shared.state.store((state + NUMBER) | OPEN, Ordering::Release);
        fence(Ordering::SeqCst);
        if shared.sleepers.load(Ordering::Relaxed) > 0 {
            let _door = shared.door.lock();
            shared.bell.notify_all();
        }
        let own = catch_unwind(AssertUnwindSafe(|| take_parts(shared, work)));
        shared.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut looks = 0;
        while shared.state.load(Ordering::Acquire) & HELPERS != 0 {
            looks += 1;
            if looks < LOOKS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        if let Err(panic) = own {
            std::panic::resume_unwind(panic);
        }
        if shared.panicked.swap(false, Ordering::Relaxed) {
            panic!("a part of the work panicked on another thread");
        }
    }
}

fn take_parts(shared: &State, work: &(dyn Fn(usize) + Sync)) {
    let parts = shared.parts.load(Ordering::Relaxed);
    loop {
        let part = shared.next.fetch_add(1, Ordering::Relaxed);
        if part >= parts {
            return;
        }
        work(part);
    }
}

/// Joins the open job unless it is the one that was joined last. Gives its number.
fn join(shared: &State, last: u64) -> Option<u64> {
    let state = shared.state.load(Ordering::Relaxed);
    let number = state / NUMBER;
    if state & OPEN == 0 || number == last {
        return None;
    }
    let joined = shared.state.compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed);
    joined.is_ok().then_some(number)
}

fn help(shared: &State) {
    let mut last = 0;
    let mut looks = 0;
    while !shared.closing.load(Ordering::Relaxed) {
        if let Some(number) = join(shared, last) {
            last = number;
            looks = 0;
            // SAFETY: joined, so the owner waits for this helper before `work` changes or ends.
            let work = unsafe { (*shared.work.get()).map(|work| &*work) };
            if let Some(work) = work
                && catch_unwind(AssertUnwindSafe(|| take_parts(shared, work))).is_err()
            {
                shared.panicked.store(true, Ordering::Relaxed);
            }
            shared.state.fetch_sub(1, Ordering::Release);
            continue;
        }
        looks += 1;
        if looks < LOOKS {
            std::hint::spin_loop();
            continue;
        }
        looks = 0;
        let Ok(door) = shared.door.lock() else { return };
        shared.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        // The owner opens a job first and looks for sleepers then: one of the two sees the other.
        let state = shared.state.load(Ordering::Relaxed);
        let work_is_there = state & OPEN != 0 && state / NUMBER != last;
        if !work_is_there && !shared.closing.load(Ordering::Relaxed) {
            drop(shared.bell.wait(door));
        }
        shared.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        {
            let _door = self.shared.door.lock();
            self.shared.bell.notify_all();
        }
        for helper in self.helpers.drain(..) {
            let _ = helper.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_runs_once() {
        let mut pool = Pool::new(4);
        let rounds = if cfg!(miri) { 20 } else { 2000 };
        for round in 0..rounds {
            let parts = round % 37;
            let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
            pool.run(parts, &|i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1), "round {round}");
            if round % 500 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(3)); // helpers fall asleep
            }
        }
    }

    #[test]
    fn a_panic_comes_back_and_the_pool_goes_on() {
        let mut pool = Pool::new(3);
        for bad in [0, 50, 99] {
            let failed = catch_unwind(AssertUnwindSafe(|| pool.run(100, &|i| assert_ne!(i, bad))));
            assert!(failed.is_err());
            let done = AtomicUsize::new(0);
            pool.run(10, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 10);
        }
    }
}
