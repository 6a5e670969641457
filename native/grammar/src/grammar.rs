//! A grammar from its source to what judges texts and what a server is sent.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::engine::{self, Compiled};
use crate::explain::{self, Explanation};
use crate::gbnf;
use crate::judge::{Matcher, Verdict};
use crate::lark;
use crate::limits::{self, MAX_PROBLEMS, MAX_SOURCE, bounded};
use crate::marker;
use crate::place::Place;
use crate::problem::{Code, Problem};
use crate::schema;
use crate::spans;

/// A notation of grammars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// llama.cpp's notation.
    Gbnf,
    /// llguidance's variant of Lark.
    Lark,
    /// JSON Schema, as JSON text.
    JsonSchema,
}

impl Kind {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Gbnf => "gbnf",
            Kind::Lark => "lark",
            Kind::JsonSchema => "json-schema",
        }
    }
}

/// A compiled grammar. Immutable; may be used from any thread.
pub struct Grammar {
    kind: Kind,
    source: String,
    /// What the server is sent.
    server: String,
    /// What a server without llguidance is sent, or why there is nothing.
    plain: Result<String, String>,
    /// What stands behind a marker when this grammar becomes lazy: a Lark grammar, a prepared schema, or GBNF.
    inner: String,
    /// Where free text ends and the grammar begins; empty where it begins at once.
    marker: String,
    warnings: Vec<Problem>,
    rules: usize,
    lexemes: usize,
    seconds: f64,
    // A matcher is not Sync; every judgement works on a copy.
    fresh: Mutex<llguidance::Matcher>,
    // Blanks may stand between a marker and an answer; only where the grammar itself begins with none.
    gap: bool,
}

/// What is to be compiled, after the notation's own checks.
struct Prepared {
    server: String,
    plain: Result<String, String>,
    inner: String,
    warnings: Vec<Problem>,
}

impl Grammar {
    /// Compiles a grammar.
    ///
    /// `lenient`: JSON Schema keywords that cannot be enforced become [`Grammar::warnings`].
    ///
    /// # Errors
    /// At least one problem, in the order of the text.
    pub fn compile(kind: Kind, text: &str, lenient: bool) -> Result<Grammar, Vec<Problem>> {
        if text.len() > MAX_SOURCE {
            let message = format!("A grammar has at most {MAX_SOURCE} bytes, found {}.", text.len());
            return Err(vec![Problem::new(Code::TooLarge, Place::NONE, message)]);
        }
        if text.trim().is_empty() {
            return Err(vec![Problem::new(
                Code::Syntax,
                Place { line: 1, column: 1 },
                "The grammar is empty.",
            )]);
        }
        let source = text.to_string();
        bounded(move || Self::build(kind, source, lenient)).map_err(|mut problems| {
            problems.sort_by_key(|problem| problem.place);
            problems.dedup();
            problems.truncate(MAX_PROBLEMS);
            problems
        })
    }

    fn build(kind: Kind, source: String, lenient: bool) -> Result<Grammar, Vec<Problem>> {
        let began = Instant::now();
        let (prepared, compiled) = match kind {
            Kind::Gbnf => from_gbnf(&source)?,
            Kind::Lark => from_lark(&source, lenient)?,
            Kind::JsonSchema => from_schema(&source, lenient)?,
        };
        finish(kind, source, prepared, compiled, began)
    }

    /// This grammar behind a marker: any text up to and including its first occurrence, then an answer.
    ///
    /// # Errors
    /// The marker is empty or too long, the whole has become too large, or there is a marker already.
    pub fn lazy(&self, marker: &str) -> Result<Grammar, Vec<Problem>> {
        if !self.marker.is_empty() {
            let message = format!("This grammar begins after the marker {:?} already.", self.marker);
            return Err(vec![Problem::new(Code::Invalid, Place::NONE, message)]);
        }
        marker::check(marker).map_err(|problem| vec![problem])?;
        let (kind, source, gap) = (self.kind, self.source.clone(), self.gap);
        let (marker, inner, warnings) = (marker.to_string(), self.inner.clone(), self.warnings.clone());
        let plain = self.plain.clone();
        bounded(move || {
            let began = Instant::now();
            let (prepared, compiled) = match kind {
                Kind::Gbnf => from_gbnf(&marker::gbnf(&marker, &inner, gap))?,
                Kind::Lark | Kind::JsonSchema => {
                    let lark = marker::lark(&marker, &inner, kind == Kind::JsonSchema, gap);
                    let compiled =
                        engine::compile(&lark).map_err(|error| vec![lark::explain_failure("", &error)])?;
                    let plain = plain.map(|plain| marker::gbnf(&marker, &plain, gap));
                    (Prepared { server: lark, plain, inner, warnings: Vec::new() }, compiled)
                }
            };
            let mut grammar = finish(kind, source, Prepared { warnings, ..prepared }, compiled, began)?;
            (grammar.marker, grammar.gap) = (marker, gap);
            Ok(grammar)
        })
    }

    /// The notation of the source.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the `grammar` field of a request to llama-server takes. GBNF stays GBNF, which every server follows
    /// exactly; all else begins with `%llguidance` and needs a server that has it.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The same for a server without llguidance: GBNF, every text of which is an answer; or, as the end of a sentence,
    /// why there is none.
    pub fn plain(&self) -> Result<&str, &str> {
        self.plain.as_deref().map_err(String::as_str)
    }

    /// Whether [`Grammar::server`] needs a server with llguidance.
    pub fn needs_llguidance(&self) -> bool {
        self.kind != Kind::Gbnf
    }

    /// The marker that free text ends with; empty where there is none.
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// What is not enforced.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Whether blanks may stand between a marker and an answer.
    pub fn gap(&self) -> bool {
        self.gap
    }

    /// Something that follows a text as it comes.
    pub fn matcher(&self) -> Matcher {
        let fresh = self.fresh.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Matcher::new(fresh.deep_clone())
    }

    /// Judges a whole text.
    ///
    /// # Errors
    /// The text is too long, or the grammar too ambiguous to follow it.
    pub fn judge(&self, text: &str) -> Result<Verdict, Problem> {
        let (mut matcher, text) = (self.matcher(), text.to_string());
        let judged = bounded(move || {
            let mut verdict = matcher.push(&text).map_err(|problem| vec![problem])?;
            if verdict.ok {
                verdict.expected = matcher.expected();
            }
            Ok(verdict)
        });
        judged.map_err(|mut problems| problems.remove(0))
    }

    /// Example texts and sizes. The same `seed` gives the same examples.
    ///
    /// # Errors
    /// The grammar is too ambiguous to follow.
    pub fn explain(self: &Arc<Self>, examples: usize, seed: u64) -> Result<Explanation, Problem> {
        let grammar = Arc::clone(self);
        bounded(move || {
            Ok(Explanation {
                kind: grammar.kind,
                bytes: grammar.source.len(),
                rules: grammar.rules,
                lexemes: grammar.lexemes,
                examples: explain::examples(&grammar, examples, seed),
                seconds: grammar.seconds,
            })
        })
        .map_err(|mut problems| problems.remove(0))
    }
}

fn finish(
    kind: Kind,
    source: String,
    prepared: Prepared,
    compiled: Compiled,
    began: Instant,
) -> Result<Grammar, Vec<Problem>> {
    let Compiled { matcher, rules, lexemes, endless, warnings: _ } = compiled;
    let mut first = Matcher::new(matcher.deep_clone());
    let next = first.next_bytes().map_err(|problem| vec![problem])?;
    if endless || (next.is_empty() && !first.is_accepting()) {
        let message = "No text is ever complete under this grammar.";
        return Err(vec![Problem::new(Code::Unsatisfiable, Place { line: 1, column: 1 }, message)]);
    }
    let gap = !next.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    Ok(Grammar {
        kind,
        source,
        server: prepared.server,
        plain: prepared.plain,
        inner: prepared.inner,
        marker: String::new(),
        warnings: prepared.warnings,
        rules,
        lexemes,
        seconds: began.elapsed().as_secs_f64(),
        fresh: Mutex::new(matcher),
        gap,
    })
}

type Built = Result<(Prepared, Compiled), Vec<Problem>>;

fn from_gbnf(text: &str) -> Built {
    let grammar = gbnf::parse(text).map_err(|problem| vec![problem])?;
    let problems = gbnf::check(&grammar, text);
    if !problems.is_empty() {
        return Err(problems);
    }
    let lark = gbnf::to_lark(&grammar);
    let compiled = engine::compile(&lark).map_err(|error| {
        let mut problem = lark::explain_failure(&lark, &error);
        problem.place = Place::NONE; // it is the translation's
        vec![problem]
    })?;
    let plain = Ok(text.into());
    Ok((Prepared { server: text.into(), plain, inner: text.into(), warnings: Vec::new() }, compiled))
}

fn from_lark(text: &str, lenient: bool) -> Built {
    let checked = lark::check(text, lenient)?;
    let compiled =
        engine::compile(&checked.text).map_err(|error| vec![lark::explain_failure(text, &error)])?;
    // llama-server looks for the word at the very beginning.
    let server = if checked.text.starts_with("%llguidance") {
        checked.text.clone()
    } else {
        format!("%llguidance {{}}\n{}", checked.text)
    };
    let plain = Err("it is written in Lark".into());
    Ok((Prepared { server, plain, inner: checked.text, warnings: checked.warnings }, compiled))
}

fn from_schema(text: &str, lenient: bool) -> Built {
    let node = spans::parse(text).map_err(|fault| {
        let code = if fault.too_deep { Code::TooLarge } else { Code::Syntax };
        vec![Problem::new(code, Place::of(text, fault.at), fault.message)]
    })?;
    let findings = schema::check(text, &node, lenient);
    if !findings.problems.is_empty() {
        return Err(findings.problems);
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| vec![limits::internal(format!("serde_json: {error}"))])?;
    let prepared = schema::prepare(value.clone(), lenient);
    let lark = schema::to_lark(&prepared);
    let compiled = match engine::compile(&lark) {
        Ok(compiled) => compiled,
        Err(error) => return Err(vec![schema::explain_failure(text, &node, &value, &error)]),
    };
    let mut warnings = findings.warnings;
    for said in &compiled.warnings {
        // What the walk named already is not told twice.
        let known = said.starts_with("Unimplemented keys") || said.starts_with("Unknown format");
        if !known || warnings.is_empty() {
            warnings.push(Problem::new(Code::UnsupportedKeyword, Place::NONE, format!("{said}.")));
        }
    }
    let plain = schema::to_gbnf(&prepared);
    Ok((Prepared { server: lark, plain, inner: prepared.to_string(), warnings }, compiled))
}
