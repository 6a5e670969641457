//! How much a grammar or a text may ask for. Measured so that the worst inputs of the tests end in seconds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use llguidance::api::ParserLimits;

use crate::place::Place;
use crate::problem::{Code, Problem};

/// The largest source of a grammar, in bytes.
pub const MAX_SOURCE: usize = 1 << 20;
/// The largest text that is judged, in bytes.
pub const MAX_TEXT: usize = 8 << 20;
/// The most that brackets may nest, in GBNF and in JSON.
pub const MAX_DEPTH: usize = 100;
/// The most repetitions that GBNF may ask for; llama.cpp's own limit.
pub const MAX_REPETITIONS: u64 = 2000;
/// The most problems that are told at once.
pub const MAX_PROBLEMS: usize = 50;
/// The longest that one call may take.
pub const MAX_SECONDS: u64 = 10;
/// How many calls that overran may still be at work before new ones are refused.
pub const MAX_ABANDONED: usize = 2;

// Recursion over grammars goes as deep as they nest; only the pages that are touched cost memory.
const STACK: usize = 256 << 20;

// Threads whose callers have gone.
static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// The limits of llguidance: its defaults, which the server uses too, with less memory for lexer states.
pub fn parser_limits() -> ParserLimits {
    ParserLimits { max_lexer_states: 60_000, verbose_errors: false, ..ParserLimits::default() }
}

/// Runs `work` on a thread of its own with a deep stack, for at most [`MAX_SECONDS`]. A panic in it is a problem of
/// ours, never the caller's. Work that overruns is abandoned: llguidance's fuel ends it.
pub fn bounded<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Vec<Problem>> + Send + 'static,
) -> Result<T, Vec<Problem>> {
    if ABANDONED.load(Ordering::Relaxed) >= MAX_ABANDONED {
        let message = "Grammars that take too long are still being worked through; try again in a minute.";
        return Err(vec![Problem::new(Code::TooLarge, Place::NONE, message)]);
    }
    let (done, result) = mpsc::sync_channel(0);
    let worker = thread::Builder::new().name("grammar".into()).stack_size(STACK).spawn(move || {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<&str>()
                .map(|text| text.to_string())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(vec![internal(format!("The grammar's compiler failed: {said}"))])
        });
        // Nobody listens any more when time was up.
        if done.send(outcome).is_err() {
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
    });
    if let Err(error) = worker {
        return Err(vec![internal(format!("No thread could be started: {error}."))]);
    }
    // The channel holds nothing: a result is handed over, or the worker learns that nobody waits.
    let waited = result.recv_timeout(Duration::from_secs(MAX_SECONDS));
    waited.unwrap_or_else(|_| {
        ABANDONED.fetch_add(1, Ordering::Relaxed);
        drop(result);
        let message = format!("This takes more than {MAX_SECONDS} seconds to work through; make it simpler.");
        Err(vec![Problem::new(Code::TooLarge, Place::NONE, message)])
    })
}

/// A fault of ours, with no place.
pub fn internal(message: String) -> Problem {
    Problem::new(Code::Internal, Place::NONE, message)
}
