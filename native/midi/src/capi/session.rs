//! Sessions: prompts, events, distributions.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::compose::{Answer, Controls, Length, run};
use crate::error::{Error, Result};
use crate::sample::Sampling;
use crate::session::{Session, Setup};
use crate::tokenizer::{PAD, ROW};

use super::model::SkytntMidiModel;
use super::support::{SkytntMidiError, described, guard, hand_out, present, rows, text};

/// Continues pieces with one model. For one thread at a time, save for `skytnt_midi_session_cancel`.
pub struct SkytntMidiSession {
    session: Mutex<Session>,
    /// 0 go on, 1 cancel, 2 stop and keep.
    asked: AtomicU32,
}

/// How a session works. Zero every field that is not set, and set `size`.
#[repr(C)]
pub struct SkytntMidiSessionDesc {
    /// `sizeof(SkytntMidiSessionDesc)`.
    pub size: usize,
    /// Threads; 0: as many as the processor has.
    pub threads: usize,
    /// "avx512-vnni", "avx2", "neon" or "portable"; null: the fastest that the processor has.
    pub kernels: *const c_char,
}

/// What a piece begins with, and what is drawn how. Zero every field that is not set, and set `size`.
#[repr(C)]
pub struct SkytntMidiComposeDesc {
    /// `sizeof(SkytntMidiComposeDesc)`.
    pub size: usize,
    /// Rows of 8 tokens to continue, or null.
    pub seed_rows: *const u32,
    /// Rows in `seed_rows`.
    pub seed_count: usize,
    /// The rows are the prompt as they stand, an eos row and all; instruments, tempo and signatures are not said.
    pub exact_rows: bool,
    /// Of random numbers; variation k uses `seed + k`.
    pub seed: u64,
    /// Variations; 0 is 1.
    pub count: u32,
    /// New events of each; an eos row ends a variation earlier.
    pub events: usize,
    /// Seconds of new music at most; 0: no bound.
    pub seconds: f64,
    /// Divides logits; 0 takes the likeliest token always.
    pub temperature: f32,
    /// In 0…1, above 0.
    pub top_p: f32,
    /// 1 or more; 1 takes the likeliest token always.
    pub top_k: usize,
    /// General MIDI programs, or null.
    pub instruments: *const u8,
    /// Programs in `instruments`.
    pub instrument_count: usize,
    /// Program of the drum kit plus 1; 0: none.
    pub drums: u32,
    /// Beats a minute; 0: the model's choice.
    pub bpm: u32,
    /// Numerator of the time signature; 0: the model's choice.
    pub time_numerator: u32,
    /// Its denominator as a power of two.
    pub time_denominator_power: u32,
    /// Whether a key is given.
    pub has_key: bool,
    /// Its sharps; flats are negative.
    pub key_sharps: i32,
    /// Whether it is minor.
    pub key_minor: bool,
    /// No patch changes.
    pub no_patch_change: bool,
    /// No control changes.
    pub no_control_change: bool,
    /// Channels that are not used: bit c for channel c.
    pub no_channels: u16,
    /// Takes every event as it is there: the variation and its 8 tokens, on the thread that called. Not 0 ends the run
    /// as `skytnt_midi_session_cancel(session, true)` does. May be null.
    pub event: Option<unsafe extern "C" fn(user: *mut c_void, variation: u32, row: *const u32) -> i32>,
    /// Handed to `event`.
    pub user: *mut c_void,
}

/// What a run did.
#[repr(C)]
pub struct SkytntMidiComposeReport {
    /// New rows of all variations, eos rows among them.
    pub events: usize,
    /// Their tokens without padding.
    pub tokens: usize,
    /// From the call to the first new event.
    pub first_event_seconds: f64,
    /// The whole call.
    pub seconds: f64,
    /// Bytes that the caches hold.
    pub cache_bytes: usize,
}

/// Opens a session; it keeps what it needs of the model.
///
/// # Safety
/// `model` is alive, `desc` is null or as its first field says; the others may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_session_new(
    model: *const SkytntMidiModel,
    desc: *const SkytntMidiSessionDesc,
    out: *mut *mut SkytntMidiSession,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        present(out, "out")?;
        // SAFETY: as the caller promises.
        let (model, threads, kernels) = unsafe {
            let model = (*present(model, "model")?).0.clone();
            if desc.is_null() {
                (model, 0, None)
            } else {
                let desc = described(desc, "desc")?;
                (model, desc.threads, text(desc.kernels, "kernels")?)
            }
        };
        let session = Session::new(model, &Setup { threads, kernels })?;
        let session = SkytntMidiSession { session: Mutex::new(session), asked: AtomicU32::new(0) };
        // SAFETY: may be written, as the caller promises.
        unsafe { *out = Box::into_raw(Box::new(session)) };
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}

/// Closes a session, ends its threads. Null is fine.
///
/// # Safety
/// Each once, and while no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_session_free(session: *mut SkytntMidiSession) {
    if !session.is_null() {
        // SAFETY: made by `skytnt_midi_session_new`, as the caller promises.
        drop(unsafe { Box::from_raw(session) });
    }
}

/// Ends a run before its next token; from any thread. `keep`: the run succeeds with the events that are whole,
/// otherwise it fails with status 130. Where no run is under way, the next one ends at once.
///
/// # Safety
/// `session` is alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_session_cancel(session: *const SkytntMidiSession, keep: bool) {
    if !session.is_null() {
        // SAFETY: alive, as the caller promises.
        unsafe { (*session).asked.store(if keep { 2 } else { 1 }, Ordering::Relaxed) };
    }
}

/// Forgets, at the end of a run, that it was asked to end.
struct Reset<'a>(&'a AtomicU32);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl SkytntMidiSession {
    /// A call on a session that another thread uses fails and does not wait: two at once are a host's mistake.
    fn take(&self) -> Result<MutexGuard<'_, Session>> {
        self.session
            .try_lock()
            .map_err(|_| Error::usage("session-busy", "the session is used by another thread"))
    }

    fn answer(&self) -> Answer {
        match self.asked.load(Ordering::Relaxed) {
            0 => Answer::Continue,
            2 => Answer::Keep,
            _ => Answer::Cancel,
        }
    }
}

impl SkytntMidiComposeDesc {
    /// # Safety
    /// `instruments` points to `instrument_count` programs, or that is 0.
    unsafe fn controls(&self) -> Result<Controls> {
        let small = |value: u32, what: &str| {
            let message = || format!("{what}: expected 0 to 255, found {value}");
            u8::try_from(value).map_err(|_| Error::input("bad-value", message()))
        };
        let instruments = match self.instrument_count {
            0 => Vec::new(),
            n if n > 16 => {
                return Err(Error::input(
                    "bad-value",
                    format!("instruments: expected at most 15, found {n}"),
                ));
            }
            // SAFETY: as the caller promises.
            n => unsafe { std::slice::from_raw_parts(present(self.instruments, "instruments")?, n) }.to_vec(),
        };
        let sharps = || {
            let message = format!("key: expected -7 to 7 sharps, found {}", self.key_sharps);
            i8::try_from(self.key_sharps).map_err(|_| Error::input("bad-value", message))
        };
        Ok(Controls {
            instruments,
            drums: if self.drums == 0 { None } else { Some(small(self.drums - 1, "drums")?) },
            bpm: (self.bpm > 0).then_some(self.bpm),
            time_signature: if self.time_numerator == 0 {
                None
            } else {
                let power = small(self.time_denominator_power, "time signature")?;
                Some((small(self.time_numerator, "time signature")?, power))
            },
            key: if self.has_key { Some((sharps()?, self.key_minor)) } else { None },
        })
    }
}

/// Composes: begins anew with the prompt that the description gives and adds events. The rows are then read with
/// `skytnt_midi_session_rows`, also after a run that was cancelled.
///
/// # Safety
/// `session` is alive, `desc` as its first field says with pointers as its fields say; `report` is null or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_session_compose(
    session: *mut SkytntMidiSession,
    desc: *const SkytntMidiComposeDesc,
    report: *mut SkytntMidiComposeReport,
    error: *mut SkytntMidiError,
) -> i32 {
    let begun = std::time::Instant::now();
    let body = || {
        // SAFETY: as the caller promises.
        let (session, desc) = unsafe { (&*present(session, "session")?, described(desc, "desc")?) };
        let mut inner = session.take()?;
        let _asked = Reset(&session.asked);
        // SAFETY: as the caller promises.
        let (seed, controls) = unsafe { (rows(desc.seed_rows, desc.seed_count)?, desc.controls()?) };
        let sampling = Sampling { temperature: desc.temperature, top_p: desc.top_p, top_k: desc.top_k };
        sampling.check()?;
        let version = inner.model().config.version;
        let prompt = if desc.exact_rows { seed.to_vec() } else { controls.prompt(version, seed)? };
        let seeds: Vec<u64> = (0..u64::from(desc.count.max(1))).map(|k| desc.seed.wrapping_add(k)).collect();
        inner.start(&prompt, &seeds, &|| session.answer() != Answer::Continue)?;
        let limits = controls.limits(desc.no_patch_change, desc.no_control_change, desc.no_channels);
        let length = Length { events: desc.events, seconds: desc.seconds };
        let (mut events, mut tokens, mut first) = (0, 0, 0.0);
        run(&mut inner, &sampling, &limits, &length, &|| session.answer(), &mut |variation, row| {
            if events == 0 {
                first = begun.elapsed().as_secs_f64();
            }
            events += 1;
            tokens += row.iter().filter(|&&token| token != PAD).count();
            if let Some(event) = desc.event {
                // SAFETY: the host's function takes its own pointer and a row that lives as long as the call.
                if unsafe { event(desc.user, variation as u32, row.as_ptr()) } != 0 {
                    session.asked.store(2, Ordering::Relaxed);
                }
            }
        })?;
        if !report.is_null() {
            let done = SkytntMidiComposeReport {
                events,
                tokens,
                first_event_seconds: first,
                seconds: begun.elapsed().as_secs_f64(),
                cache_bytes: inner.cache_bytes(),
            };
            // SAFETY: may be written, as the caller promises.
            unsafe { *report = done };
        }
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}

/// The rows of a variation of the last run, its prompt first; free them with `skytnt_midi_rows_free`.
///
/// # Safety
/// `session` is alive; the others may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_session_rows(
    session: *const SkytntMidiSession,
    variation: u32,
    out_rows: *mut *mut u32,
    out_count: *mut usize,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        // SAFETY: alive, as the caller promises.
        let session = unsafe { &*present(session, "session")? };
        present(out_rows, "out_rows")?;
        present(out_count, "out_count")?;
        let inner = session.take()?;
        let there = inner.count();
        if variation as usize >= there {
            let message = format!("variation: expected one below {there}, found {variation}");
            return Err(Error::usage("bad-argument", message));
        }
        let (list, count) = hand_out(inner.rows(variation as usize).to_vec());
        // SAFETY: both may be written, as the caller promises.
        unsafe {
            *out_rows = list.cast();
            *out_count = count;
        }
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}

/// Teacher-forced outputs for given rows. `hidden` takes `count * hidden_size` floats, the event net's output after
/// each row; `logits` takes `(count - 1) * 8 * vocab_size`: place j of row i predicts token j of row i + 1.
///
/// # Safety
/// `session` is alive, `tokens` points to `count` rows of 8, the others have room as said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_session_logits(
    session: *mut SkytntMidiSession,
    tokens: *const u32,
    count: usize,
    hidden: *mut f32,
    logits: *mut f32,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        // SAFETY: as the caller promises.
        let (session, rows) = unsafe { (&*present(session, "session")?, rows(tokens, count)?) };
        present(hidden, "hidden")?;
        let mut inner = session.take()?;
        let _asked = Reset(&session.asked);
        let (h, l) = inner.logits(rows, &|| session.answer() != Answer::Continue)?;
        debug_assert!(l.is_empty() || l.len().is_multiple_of(ROW));
        // SAFETY: room as the caller promises.
        unsafe {
            std::ptr::copy_nonoverlapping(h.as_ptr(), hidden, h.len());
            if !l.is_empty() {
                std::ptr::copy_nonoverlapping(l.as_ptr(), present(logits, "logits")?.cast_mut(), l.len());
            }
        }
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}
