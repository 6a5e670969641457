//! The C interface. No panic crosses it.
//!
//! Texts are UTF-8 with a length and need no NUL at their end. Texts that come back end with NUL, belong to the caller
//! and go back to [`sluice_grammar_text_free`]. Reports are JSON; `include/sluice_grammar.h` says which.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::grammar::{Grammar, Kind};
use crate::judge::Matcher;
use crate::limits::internal;
use crate::place::{Place, floor};
use crate::problem::{Code, Problem};

/// Grows when a host that was built against an older header would misread something.
pub const SLUICE_GRAMMAR_API_VERSION: u32 = 1;

/// Done.
pub const SLUICE_GRAMMAR_OK: i32 = 0;
/// A fault of ours.
pub const SLUICE_GRAMMAR_INTERNAL: i32 = 1;
/// The grammar or the text is at fault.
pub const SLUICE_GRAMMAR_INPUT: i32 = 3;

/// `kind` of `sluice_grammar_compile`: llama.cpp's notation.
pub const SLUICE_GRAMMAR_GBNF: u32 = 0;
/// `kind` of `sluice_grammar_compile`: llguidance's variant of Lark.
pub const SLUICE_GRAMMAR_LARK: u32 = 1;
/// `kind` of `sluice_grammar_compile`: JSON Schema.
pub const SLUICE_GRAMMAR_JSON_SCHEMA: u32 = 2;

/// A compiled grammar. May be used from several threads at once.
pub struct SluiceGrammar(Arc<Grammar>);

/// Follows a text as it comes. Belongs to one thread at a time; outlives its grammar.
pub struct SluiceGrammarMatcher(Matcher);

/// `SLUICE_GRAMMAR_API_VERSION` of the library that was linked, for comparison with the header's.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_grammar_api_version() -> u32 {
    SLUICE_GRAMMAR_API_VERSION
}

fn problems_json(problems: &[Problem]) -> Value {
    json!({ "problems": problems.iter().map(Problem::to_json).collect::<Vec<_>>() })
}

fn status_of(problems: &[Problem]) -> i32 {
    let ours = problems.iter().any(|problem| problem.code == Code::Internal);
    if ours { SLUICE_GRAMMAR_INTERNAL } else { SLUICE_GRAMMAR_INPUT }
}

/// A text for the caller; null only where memory ends.
fn to_c(value: &Value) -> *mut c_char {
    // JSON escapes NUL.
    CString::new(value.to_string()).map_or(null_mut(), CString::into_raw)
}

/// Runs a call, writes its report, and turns whatever happens into a status.
///
/// # Safety
/// `report` is null or points to a writable pointer.
unsafe fn guarded(report: *mut *mut c_char, call: impl FnOnce() -> Result<Value, Vec<Problem>>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(vec![internal("A call into the grammar library panicked.".into())]));
    let (status, value) = match outcome {
        Ok(value) => (SLUICE_GRAMMAR_OK, value),
        Err(problems) => (status_of(&problems), problems_json(&problems)),
    };
    if !report.is_null() {
        // SAFETY: the caller vouches for `report`.
        unsafe { *report = to_c(&value) };
    }
    status
}

/// # Safety
/// `text` points to `length` readable bytes, or `length` is 0.
unsafe fn text_of<'a>(text: *const c_char, length: usize) -> Result<&'a str, Vec<Problem>> {
    if length == 0 {
        return Ok("");
    }
    if text.is_null() {
        return Err(vec![internal("A text is missing.".into())]);
    }
    // SAFETY: the caller vouches for the range.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|error| {
        let sound = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let place = Place::of(sound, floor(sound, sound.len()));
        vec![Problem::new(Code::Syntax, place, "The text is not UTF-8 from here on.")]
    })
}

fn describe(grammar: &Grammar) -> Value {
    json!({
        "server": grammar.server(),
        "needs_llguidance": grammar.needs_llguidance(),
        "plain": grammar.plain().ok(),
        "why_not_plain": grammar.plain().err(),
        "gap": grammar.gap(),
        "warnings": grammar.warnings().iter().map(Problem::to_json).collect::<Vec<_>>(),
    })
}

fn missing(what: &str) -> Vec<Problem> {
    vec![internal(format!("{what} is missing."))]
}

/// Compiles a grammar. On success `*grammar` belongs to the caller (`sluice_grammar_free`) and the report is
/// `{"server","needs_llguidance","plain","why_not_plain","gap","warnings":[problem…]}`, where `plain` is GBNF for servers
/// without llguidance or null; else `*grammar` is null and the report is
/// `{"problems":[{"code","line","column","message","keyword"?}…]}`.
///
/// # Safety
/// `text` points to `length` bytes; `grammar` and `report` to writable pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_compile(
    kind: u32,
    text: *const c_char,
    length: usize,
    lenient: bool,
    grammar: *mut *mut SluiceGrammar,
    report: *mut *mut c_char,
) -> i32 {
    let call = || {
        if grammar.is_null() {
            return Err(missing("The place for the grammar"));
        }
        // SAFETY: not null, and the caller vouches for it.
        unsafe { *grammar = null_mut() };
        let kind = match kind {
            SLUICE_GRAMMAR_GBNF => Kind::Gbnf,
            SLUICE_GRAMMAR_LARK => Kind::Lark,
            SLUICE_GRAMMAR_JSON_SCHEMA => Kind::JsonSchema,
            other => return Err(vec![internal(format!("There is no kind {other} of grammar."))]),
        };
        // SAFETY: the caller vouches for the range.
        let compiled = Grammar::compile(kind, unsafe { text_of(text, length) }?, lenient)?;
        let said = describe(&compiled);
        // SAFETY: as above.
        unsafe { *grammar = Box::into_raw(Box::new(SluiceGrammar(Arc::new(compiled)))) };
        Ok(said)
    };
    // SAFETY: the caller vouches for `report`.
    unsafe { guarded(report, call) }
}

/// A grammar behind a marker: any text up to the marker's first occurrence, then an answer. Reports and ownership as in
/// `sluice_grammar_compile`.
///
/// # Safety
/// `grammar` came from this library and was not freed; `marker` points to `length` bytes; `lazy` and `report` to
/// writable pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_lazy(
    grammar: *const SluiceGrammar,
    marker: *const c_char,
    length: usize,
    lazy: *mut *mut SluiceGrammar,
    report: *mut *mut c_char,
) -> i32 {
    let call = || {
        if lazy.is_null() {
            return Err(missing("The place for the grammar"));
        }
        // SAFETY: not null, and the caller vouches for it.
        unsafe { *lazy = null_mut() };
        // SAFETY: the caller vouches for both.
        let (grammar, marker) = unsafe { (grammar.as_ref(), text_of(marker, length)?) };
        let compiled = grammar.ok_or_else(|| missing("The grammar"))?.0.lazy(marker)?;
        let said = describe(&compiled);
        // SAFETY: as above.
        unsafe { *lazy = Box::into_raw(Box::new(SluiceGrammar(Arc::new(compiled)))) };
        Ok(said)
    };
    // SAFETY: the caller vouches for `report`.
    unsafe { guarded(report, call) }
}

/// Judges a whole text; the report is `{"ok","complete","position","line","column","expected":[…]}`, or problems.
/// Blocks; any thread will do.
///
/// # Safety
/// `grammar` came from this library and was not freed; `text` points to `length` bytes; `report` to a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_judge(
    grammar: *const SluiceGrammar,
    text: *const c_char,
    length: usize,
    report: *mut *mut c_char,
) -> i32 {
    let call = || {
        // SAFETY: the caller vouches for both.
        let (grammar, text) = unsafe { (grammar.as_ref(), text_of(text, length)?) };
        let verdict = grammar.ok_or_else(|| missing("The grammar"))?.0.judge(text);
        verdict.map(|verdict| verdict.to_json()).map_err(|problem| vec![problem])
    };
    // SAFETY: the caller vouches for `report`.
    unsafe { guarded(report, call) }
}

/// Example texts and sizes; the report is `{"kind","bytes","rules","lexemes","examples":[…],"seconds"}`, or problems.
/// Blocks; any thread will do.
///
/// # Safety
/// `grammar` came from this library and was not freed; `report` points to a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_explain(
    grammar: *const SluiceGrammar,
    examples: u32,
    seed: u64,
    report: *mut *mut c_char,
) -> i32 {
    let call = || {
        // SAFETY: the caller vouches for it.
        let grammar = unsafe { grammar.as_ref() }.ok_or_else(|| missing("The grammar"))?;
        let said = grammar.0.explain(examples as usize, seed);
        said.map(|said| said.to_json()).map_err(|problem| vec![problem])
    };
    // SAFETY: the caller vouches for `report`.
    unsafe { guarded(report, call) }
}

/// Something that follows a text as it comes, from its beginning; null where `grammar` is null.
///
/// # Safety
/// `grammar` is null, or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_matcher_new(
    grammar: *const SluiceGrammar,
) -> *mut SluiceGrammarMatcher {
    // SAFETY: the caller vouches for it.
    let Some(grammar) = (unsafe { grammar.as_ref() }) else { return null_mut() };
    catch_unwind(AssertUnwindSafe(|| grammar.0.matcher()))
        .map_or(null_mut(), |matcher| Box::into_raw(Box::new(SluiceGrammarMatcher(matcher))))
}

/// Takes the next piece of the text; the report is as in `sluice_grammar_judge`, over everything since the beginning.
///
/// # Safety
/// `matcher` came from this library and was not freed, and no other thread uses it; `text` points to `length` bytes;
/// `report` to a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_matcher_push(
    matcher: *mut SluiceGrammarMatcher,
    text: *const c_char,
    length: usize,
    report: *mut *mut c_char,
) -> i32 {
    let call = || {
        // SAFETY: the caller vouches for both.
        let (matcher, text) = unsafe { (matcher.as_mut(), text_of(text, length)?) };
        let verdict = matcher.ok_or_else(|| missing("The matcher"))?.0.push(text);
        verdict.map(|verdict| verdict.to_json()).map_err(|problem| vec![problem])
    };
    // SAFETY: the caller vouches for `report`.
    unsafe { guarded(report, call) }
}

/// Back to the beginning of a text.
///
/// # Safety
/// `matcher` is null, or came from this library and was not freed, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_matcher_reset(matcher: *mut SluiceGrammarMatcher) {
    // SAFETY: the caller vouches for it.
    if let Some(matcher) = unsafe { matcher.as_mut() } {
        // What remains after a panic answers as before it.
        let _ = catch_unwind(AssertUnwindSafe(|| matcher.0.reset()));
    }
}

/// Frees a matcher; null is fine.
///
/// # Safety
/// `matcher` is null, or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_matcher_free(matcher: *mut SluiceGrammarMatcher) {
    if !matcher.is_null() {
        // SAFETY: the caller vouches for it.
        drop(unsafe { Box::from_raw(matcher) });
    }
}

/// Frees a grammar; null is fine. What was made from it stays.
///
/// # Safety
/// `grammar` is null, or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_free(grammar: *mut SluiceGrammar) {
    if !grammar.is_null() {
        // SAFETY: the caller vouches for it.
        drop(unsafe { Box::from_raw(grammar) });
    }
}

/// Frees a text that this library gave; null is fine.
///
/// # Safety
/// `text` is null, or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_grammar_text_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller vouches for it.
        drop(unsafe { CString::from_raw(text) });
    }
}
