//! The C interface: ownership, null pointers, bytes that are no text.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use sluice_grammar::capi::*;

fn take(report: *mut c_char) -> serde_json::Value {
    assert!(!report.is_null());
    // SAFETY: the library gave it, and it is freed once.
    let text = unsafe { CStr::from_ptr(report) }.to_str().expect("reports are UTF-8").to_string();
    // SAFETY: as above.
    unsafe { sluice_grammar_text_free(report) };
    serde_json::from_str(&text).expect("reports are JSON")
}

fn compile(kind: u32, text: &[u8]) -> (i32, *mut SluiceGrammar, serde_json::Value) {
    let (mut grammar, mut report) = (null_mut(), null_mut());
    // SAFETY: all pointers are valid.
    let status = unsafe {
        sluice_grammar_compile(kind, text.as_ptr().cast(), text.len(), false, &mut grammar, &mut report)
    };
    (status, grammar, take(report))
}

#[test]
fn a_grammar_from_compiling_to_freeing() {
    assert_eq!(sluice_grammar_api_version(), SLUICE_GRAMMAR_API_VERSION);
    let (status, grammar, said) = compile(SLUICE_GRAMMAR_GBNF, b"root ::= \"a\\x00\" [0-9]");
    assert_eq!(status, SLUICE_GRAMMAR_OK);
    assert_eq!(said["needs_llguidance"], false);
    // SAFETY: `grammar` is valid until it is freed below; the matcher outlives it.
    unsafe {
        let mut report = null_mut();
        let text = b"a\x007";
        assert_eq!(
            sluice_grammar_judge(grammar, text.as_ptr().cast(), text.len(), &mut report),
            SLUICE_GRAMMAR_OK
        );
        assert_eq!(take(report)["complete"], true);
        assert_eq!(sluice_grammar_explain(grammar, 3, 1, &mut report), SLUICE_GRAMMAR_OK);
        assert_eq!(take(report)["examples"].as_array().map(Vec::len), Some(3));
        let mut lazy = null_mut();
        assert_eq!(sluice_grammar_lazy(grammar, c"#".as_ptr(), 1, &mut lazy, &mut report), SLUICE_GRAMMAR_OK);
        take(report);
        sluice_grammar_free(lazy);
        let matcher = sluice_grammar_matcher_new(grammar);
        sluice_grammar_free(grammar);
        assert_eq!(sluice_grammar_matcher_push(matcher, c"ab".as_ptr(), 2, &mut report), SLUICE_GRAMMAR_OK);
        assert_eq!(take(report)["position"], 1);
        sluice_grammar_matcher_reset(matcher);
        assert_eq!(sluice_grammar_matcher_push(matcher, c"a".as_ptr(), 1, null_mut()), SLUICE_GRAMMAR_OK);
        sluice_grammar_matcher_free(matcher);
    }
}

#[test]
fn faults_come_back_as_problems() {
    let (status, grammar, said) = compile(SLUICE_GRAMMAR_GBNF, b"root ::= x");
    assert_eq!((status, grammar), (SLUICE_GRAMMAR_INPUT, null_mut()));
    assert_eq!(said["problems"][0]["column"], 10);
    let (status, _, said) = compile(SLUICE_GRAMMAR_LARK, b"start: \"\xff\"");
    assert_eq!(status, SLUICE_GRAMMAR_INPUT);
    assert_eq!(said["problems"][0]["column"], 9);
    assert_eq!(compile(99, b"x").0, SLUICE_GRAMMAR_INTERNAL);
    // SAFETY: null is what is being tried.
    unsafe {
        let mut report = null_mut();
        assert_eq!(sluice_grammar_judge(null(), c"a".as_ptr(), 1, &mut report), SLUICE_GRAMMAR_INTERNAL);
        take(report);
        assert_eq!(
            sluice_grammar_compile(SLUICE_GRAMMAR_GBNF, null(), 5, false, null_mut(), null_mut()),
            SLUICE_GRAMMAR_INTERNAL
        );
        assert_eq!(sluice_grammar_matcher_push(null_mut(), null(), 0, null_mut()), SLUICE_GRAMMAR_INTERNAL);
        assert!(sluice_grammar_matcher_new(null()).is_null());
        sluice_grammar_matcher_reset(null_mut());
        sluice_grammar_matcher_free(null_mut());
        sluice_grammar_free(null_mut());
        sluice_grammar_text_free(null_mut());
    }
}
