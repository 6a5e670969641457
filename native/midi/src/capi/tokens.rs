//! .mid files to rows of tokens and back.

use std::ffi::{CString, c_char};

use crate::error::{Error, Result};
use crate::midi;
use crate::tokenizer::{Options, Version, decode, encode};

use super::support::{SkytntMidiError, described, guard, hand_out, present, rows, text};

/// How a file is tokenised. Zero every field that is not set, and set `size`.
#[repr(C)]
pub struct SkytntMidiEncodeDesc {
    /// `sizeof(SkytntMidiEncodeDesc)`.
    pub size: usize,
    /// 1 or 2: version of the tokenizer.
    pub version: u32,
    /// Number tracks and channels anew.
    pub remap: bool,
    /// Add patch 0 where a channel with notes has none.
    pub default_instruments: bool,
    /// Leave out settings of channels without notes.
    pub remove_empty_channels: bool,
    /// Keep every change of controllers and tempo, also small ones.
    pub keep_small_changes: bool,
    /// Exactly the original's rows, also where it drops music.
    pub strict: bool,
}

fn version_of(number: u32) -> Result<Version> {
    match number {
        1 => Ok(Version::V1),
        2 => Ok(Version::V2),
        _ => Err(Error::usage("bad-argument", format!("version: expected 1 or 2, found {number}"))),
    }
}

/// Tokenises the bytes of a .mid file. `out_rows` gets `out_count` rows of 8 tokens, bos and eos among them; free them
/// with `skytnt_midi_rows_free`. `out_notices`, where not null, gets sentences about what was left out or bent, one a
/// line, or null; free it with `skytnt_midi_string_free`.
///
/// # Safety
/// `bytes` points to `length` bytes; `desc` as its first field says; the others may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_encode(
    bytes: *const u8,
    length: usize,
    desc: *const SkytntMidiEncodeDesc,
    out_rows: *mut *mut u32,
    out_count: *mut usize,
    out_notices: *mut *mut c_char,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        // SAFETY: as the caller promises.
        let desc = unsafe { described(desc, "desc") }?;
        present(out_rows, "out_rows")?;
        present(out_count, "out_count")?;
        let bytes = match length {
            0 => &[],
            // SAFETY: as the caller promises.
            _ => unsafe { std::slice::from_raw_parts(present(bytes, "bytes")?, length) },
        };
        let reading = midi::read(bytes, desc.strict)?;
        let step = if desc.keep_small_changes { 0 } else { 4 };
        let options = Options {
            version: version_of(desc.version)?,
            remap: desc.remap,
            default_instruments: desc.default_instruments,
            remove_empty_channels: desc.remove_empty_channels,
            control_step: step,
            tempo_step: step,
            strict: desc.strict,
        };
        let encoded = encode(&reading.score, &options);
        let notices = [reading.notices, encoded.notices].concat().join("\n");
        let notices = CString::new(notices).unwrap_or_default();
        let empty = notices.is_empty();
        let (list, count) = hand_out(encoded.rows);
        // SAFETY: both may be written, as the caller promises.
        unsafe {
            *out_rows = list.cast();
            *out_count = count;
            if !out_notices.is_null() {
                *out_notices = if empty { std::ptr::null_mut() } else { notices.into_raw() };
            }
        }
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}

/// Makes the bytes of a .mid file of rows; free them with `skytnt_midi_bytes_free`. Rows that mean nothing are passed
/// over.
///
/// # Safety
/// `tokens` points to `count` rows of 8; the others may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_decode(
    version: u32,
    tokens: *const u32,
    count: usize,
    out_bytes: *mut *mut u8,
    out_length: *mut usize,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        present(out_bytes, "out_bytes")?;
        present(out_length, "out_length")?;
        // SAFETY: as the caller promises.
        let rows = unsafe { rows(tokens, count) }?;
        let (bytes, length) = hand_out(midi::write(&decode(version_of(version)?, rows))?);
        // SAFETY: both may be written, as the caller promises.
        unsafe {
            *out_bytes = bytes;
            *out_length = length;
        }
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}

/// Reads a version's name ("v1", "v2") to 1 or 2; 0 for anything else.
///
/// # Safety
/// `name` is null or ends with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_version(name: *const c_char) -> u32 {
    // SAFETY: as the caller promises.
    match unsafe { text(name, "name") }.ok().flatten().and_then(Version::from_name) {
        Some(Version::V1) => 1,
        Some(Version::V2) => 2,
        None => 0,
    }
}
