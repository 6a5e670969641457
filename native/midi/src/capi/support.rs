//! What all calls share: filling errors, catching panics, reading strings, handing out memory.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result, Status};
use crate::tokenizer::{ROW, Row};

/// Filled by every call that fails. Texts end with 0; what does not fit is cut.
#[repr(C)]
pub struct SkytntMidiError {
    /// 1 our own fault, 2 usage, 3 input, 4 memory, 130 cancelled.
    pub status: i32,
    /// Stable, for programs: "missing-tensor".
    pub code: [c_char; 48],
    /// Operation, expected, found.
    pub message: [c_char; 1024],
    /// What to do; may be empty.
    pub hint: [c_char; 512],
}

fn put(text: &str, to: &mut [c_char]) {
    let mut n = text.len().min(to.len() - 1);
    while !text.is_char_boundary(n) {
        n -= 1;
    }
    to.fill(0);
    for (to, &byte) in to.iter_mut().zip(&text.as_bytes()[..n]) {
        *to = if byte == 0 { b' ' as c_char } else { byte as c_char };
    }
}

/// Runs a call's body; gives its status and fills the error, also for a panic.
///
/// # Safety
/// `error` is null or points to a struct that may be written.
pub unsafe fn guard(error: *mut SkytntMidiError, body: impl FnOnce() -> Result<()>) -> i32 {
    let failed = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return 0,
        Ok(Err(failed)) => failed,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            let message = format!("the MIDI library failed: {text}");
            Error { status: Status::Internal, code: "internal", message, hint: String::new() }
        }
    };
    let status = failed.status as i32;
    if !error.is_null() {
        // SAFETY: the caller promises a struct that may be written; it may hold anything before.
        unsafe {
            std::ptr::write_bytes(error, 0, 1);
            (*error).status = status;
            put(failed.code, &mut (*error).code);
            put(&failed.message, &mut (*error).message);
            put(&failed.hint, &mut (*error).hint);
        }
    }
    status
}

/// A string argument; null is none.
///
/// # Safety
/// `text` is null or ends with 0.
pub unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    let utf8 = text.to_str().map_err(|_| Error::usage("bad-argument", format!("{what}: expected UTF-8")));
    utf8.map(Some)
}

/// A pointer that must not be null.
pub fn present<T>(pointer: *const T, what: &str) -> Result<*const T> {
    if pointer.is_null() {
        return Err(Error::usage("bad-argument", format!("{what}: expected a pointer, found null")));
    }
    Ok(pointer)
}

/// A struct that a host filled: a copy with zeros where its version had no fields yet.
///
/// # Safety
/// `given` is null or points to a struct whose first field, a `size_t`, says how many bytes of it may be read. `T` is
/// of plain data for which zeros are valid.
pub unsafe fn described<T>(given: *const T, what: &str) -> Result<T> {
    let given = present(given, what)?;
    // SAFETY: a struct begins with its size.
    let size = unsafe { given.cast::<usize>().read_unaligned() };
    if size < size_of::<usize>() || size > 1 << 16 {
        return Err(Error::usage(
            "bad-argument",
            format!("{what}: expected its size in the first field, found {size}"),
        ));
    }
    let mut copy = std::mem::MaybeUninit::<T>::zeroed();
    let n = size.min(size_of::<T>());
    // SAFETY: `n` bytes are there on both sides; zeros are valid for what is left.
    unsafe {
        std::ptr::copy_nonoverlapping(given.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), n);
        Ok(copy.assume_init())
    }
}

/// Rows that a host hands in.
///
/// # Safety
/// `rows` points to `count` rows of 8 tokens, or `count` is 0.
pub unsafe fn rows<'a>(rows: *const u32, count: usize) -> Result<&'a [Row]> {
    if count == 0 {
        return Ok(&[]);
    }
    if count > isize::MAX as usize / size_of::<Row>() {
        return Err(Error::usage("bad-argument", format!("rows: {count} are too many")));
    }
    // SAFETY: as the caller promises; a row has the alignment of its tokens.
    Ok(unsafe { std::slice::from_raw_parts(present(rows, "rows")?.cast::<Row>(), count) })
}

/// Hands a list over to the host, which frees it with its length.
pub fn hand_out<T>(list: Vec<T>) -> (*mut T, usize) {
    let list = list.into_boxed_slice();
    let count = list.len();
    (Box::into_raw(list).cast::<T>(), count)
}

/// # Safety
/// As `hand_out` gave it, once.
unsafe fn take_back<T>(list: *mut T, count: usize) {
    if !list.is_null() {
        // SAFETY: as the caller promises.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(list, count)) });
    }
}

/// Frees rows that a call gave, with the count that it gave. Null is fine.
///
/// # Safety
/// Each once, and with its own count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_rows_free(rows: *mut u32, count: usize) {
    // SAFETY: as the caller promises.
    unsafe { take_back(rows.cast::<[u32; ROW]>(), count) }
}

/// Frees bytes that a call gave, with the count that it gave. Null is fine.
///
/// # Safety
/// Each once, and with its own count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_bytes_free(bytes: *mut u8, count: usize) {
    // SAFETY: as the caller promises.
    unsafe { take_back(bytes, count) }
}

/// Frees a string that a call gave. Null is fine.
///
/// # Safety
/// Each once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: made by `CString::into_raw`, as the caller promises.
        drop(unsafe { std::ffi::CString::from_raw(text) });
    }
}
