//! Continuing pieces: one session holds the caches of its sequences, the threads and the random numbers.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kernels::{self, Floats, Kernels, Quantised};
use crate::model::{Cache, Model, Place, Runner, Scratch, Weights};
use crate::pool::Pool;
pub use crate::pool::default_threads;
use crate::sample::{Allowed, Limits, Random, Sampling, distribution, draw};
use crate::tokenizer::{EOS, Kind, PAD, ROW, Row, special};

/// Positions of a prompt that go through the nets together.
const PREFILL: usize = 256;
/// Sequences that one session continues at most.
pub const MOST_SEQUENCES: usize = 64;

/// Takes a distribution that a token is drawn from: sequence, place in the row, tokens and their probabilities.
pub type Watch<'a> = dyn FnMut(usize, usize, &[(u32, f32)]) + 'a;

/// How a session works.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'a> {
    /// Threads; 0: as many as the processor has.
    pub threads: usize,
    /// Name of an instruction set (`Kernels::name`); none: the fastest.
    pub kernels: Option<&'a str>,
}

/// Continues one or more sequences with one model. Not for use from two threads at once; a model may be in many.
pub struct Session {
    model: Arc<Model>,
    runner: Runner,
    net_scratch: Scratch,
    token_scratch: Scratch,
    head8: Quantised,
    logits: Floats,
    masses: Vec<f32>,
    sequences: Vec<Sequence>,
    caches: Vec<Cache>,
    token_caches: Vec<Cache>,
}

struct Sequence {
    rows: Vec<Row>,
    random: Random,
    ended: bool,
}

fn choose(name: Option<&str>) -> Result<Kernels> {
    let mut all = kernels::available();
    let Some(name) = name else { return Ok(all.remove(0)) };
    let names: Vec<&str> = all.iter().map(|k| k.name).collect();
    let found = all.iter().find(|k| k.name == name).copied();
    let message = || format!("no kernels {name} on this processor; there are {}", names.join(", "));
    found.ok_or_else(|| Error::usage("unknown-kernels", message()))
}

impl Session {
    /// A session without sequences.
    pub fn new(model: Arc<Model>, setup: &Setup<'_>) -> Result<Session> {
        let threads = if setup.threads == 0 { default_threads() } else { setup.threads.min(256) };
        let kernels = choose(setup.kernels)?;
        Ok(Session {
            runner: Runner { kernels, pool: Pool::new(threads) },
            net_scratch: Scratch::new(&model.config.net),
            token_scratch: Scratch::new(&model.config.net_token),
            head8: Quantised::default(),
            logits: Floats::new(model.config.net.vocab_size, 1),
            masses: Vec::new(),
            sequences: Vec::new(),
            caches: Vec::new(),
            token_caches: Vec::new(),
            model,
        })
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Name of the instruction set in use.
    pub fn kernels(&self) -> &'static str {
        self.runner.kernels.name
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.runner.pool.threads()
    }

    /// Bytes that the caches of keys and values hold.
    pub fn cache_bytes(&self) -> usize {
        self.caches.iter().chain(&self.token_caches).map(Cache::bytes).sum()
    }

    fn cache(&self) -> Cache {
        Cache::new(&self.model.config.net, self.model.weights == Weights::F32, usize::MAX)
    }

    /// Begins anew with a sequence for each seed of random numbers, all with the same prompt; an empty prompt is a bos
    /// row. Reads all rows but the last, which the first step reads. `stop` is asked between parts.
    pub fn start(&mut self, prompt: &[Row], seeds: &[u64], stop: &dyn Fn() -> bool) -> Result<()> {
        if seeds.is_empty() || seeds.len() > MOST_SEQUENCES {
            let message = format!("expected 1 to {MOST_SEQUENCES} variations, found {}", seeds.len());
            return Err(Error::input("bad-value", message));
        }
        let bos = [special(crate::tokenizer::BOS)];
        let prompt = if prompt.is_empty() { &bos } else { prompt };
        self.check_rows(prompt)?;
        let mut caches = vec![self.cache()];
        self.read(&prompt[..prompt.len() - 1], &mut caches, None, stop)?;
        let shared = caches.remove(0);
        self.caches = vec![shared; seeds.len()];
        let sequence = |&seed| Sequence { rows: prompt.to_vec(), random: Random::new(seed), ended: false };
        self.sequences = seeds.iter().map(sequence).collect();
        Ok(())
    }

    fn check_rows(&self, rows: &[Row]) -> Result<()> {
        let size = self.model.config.net.vocab_size as u32;
        for (i, row) in rows.iter().enumerate() {
            if let Some(token) = row.iter().find(|&&token| token >= size) {
                let message = format!("row {i}: expected tokens below {size}, found {token}");
                return Err(Error::input("bad-token", message)
                    .hint("Were the rows made for the other version of the tokenizer?"));
            }
        }
        Ok(())
    }

    /// Sums of the tokens' embeddings, one for each row.
    fn embed(&self, rows: &[Row]) -> Floats {
        let mut x = Floats::new(self.model.config.net.hidden_size, rows.len());
        for (i, row) in rows.iter().enumerate() {
            let out = x.row_mut(i);
            row.iter().for_each(|&token| self.model.net.embed.add_row(token as usize, out));
        }
        x
    }

    /// Sends rows through the event net behind what the one cache has; `hidden` takes the outputs.
    fn read(
        &mut self,
        rows: &[Row],
        caches: &mut [Cache],
        mut hidden: Option<&mut Vec<f32>>,
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        let width = self.model.config.net.hidden_size;
        for part in rows.chunks(PREFILL) {
            if stop() {
                return Err(Error::cancelled());
            }
            let mut x = self.embed(part);
            let begin = caches[0].length;
            let places: Vec<Place> =
                (0..part.len()).map(|i| Place { cache: 0, position: begin + i }).collect();
            self.model.net.forward(&mut self.runner, &mut x, &places, caches, &mut self.net_scratch);
            if let Some(hidden) = &mut hidden {
                (0..part.len()).for_each(|i| hidden.extend_from_slice(&x.row(i)[..width]));
            }
        }
        Ok(())
    }

    /// The rows of a sequence, its prompt first.
    pub fn rows(&self, sequence: usize) -> &[Row] {
        &self.sequences[sequence].rows
    }

    /// Sequences.
    pub fn count(&self) -> usize {
        self.sequences.len()
    }

    /// Whether a sequence has come to its end.
    pub fn ended(&self, sequence: usize) -> bool {
        self.sequences[sequence].ended
    }

    /// Ends a sequence: later steps leave it as it is.
    pub fn end(&mut self, sequence: usize) {
        self.sequences[sequence].ended = true;
    }

    /// Adds one event to every sequence that has not ended: `event` takes each as it is there (its sequence, its row);
    /// rows that open with eos end theirs. False when all have ended. `stop` is asked before every token; a step that
    /// was stopped leaves no event.
    pub fn step(
        &mut self,
        sampling: &Sampling,
        limits: &Limits,
        stop: &dyn Fn() -> bool,
        event: &mut dyn FnMut(usize, &Row),
    ) -> Result<bool> {
        self.step_watched(sampling, limits, stop, event, &mut |_, _, _| {})
    }

    /// `step`, showing every distribution that a token is drawn from: sequence, place in the row, tokens.
    pub fn step_watched(
        &mut self,
        sampling: &Sampling,
        limits: &Limits,
        stop: &dyn Fn() -> bool,
        event: &mut dyn FnMut(usize, &Row),
        watch: &mut Watch<'_>,
    ) -> Result<bool> {
        sampling.check()?;
        if limits.no_channels == u16::MAX {
            return Err(Error::input(
                "bad-value",
                "channels: expected one at least that may be used, found none",
            ));
        }
        let active: Vec<usize> = (0..self.sequences.len()).filter(|&i| !self.sequences[i].ended).collect();
        if active.is_empty() {
            return Ok(false);
        }
        if stop() {
            return Err(Error::cancelled());
        }
        let last: Vec<Row> =
            active.iter().map(|&i| *self.sequences[i].rows.last().unwrap_or(&[PAD; ROW])).collect();
        let mut x = self.embed(&last);
        let place = |&cache: &usize| Place { cache, position: self.sequences[cache].rows.len() - 1 };
        let places: Vec<Place> = active.iter().map(place).collect();
        self.model.net.forward(&mut self.runner, &mut x, &places, &mut self.caches, &mut self.net_scratch);
        let made = self.tokens(x, &active, sampling, limits, stop, watch)?;
        for (&i, row) in active.iter().zip(&made) {
            let sequence = &mut self.sequences[i];
            sequence.rows.push(*row);
            sequence.ended = row[0] == EOS;
            event(i, row);
        }
        Ok(self.sequences.iter().any(|s| !s.ended))
    }

    /// One event's tokens for each active sequence, given the event net's outputs.
    fn tokens(
        &mut self,
        mut x: Floats,
        active: &[usize],
        sampling: &Sampling,
        limits: &Limits,
        stop: &dyn Fn() -> bool,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Row>> {
        let model = self.model.clone();
        let version = model.config.version;
        let exact = model.weights == Weights::F32;
        self.token_caches
            .resize_with(self.sequences.len(), || Cache::new(&model.config.net_token, exact, ROW));
        self.token_caches.iter_mut().for_each(|cache| cache.truncate(0));
        let mut made = vec![[PAD; ROW]; active.len()];
        let mut kinds: Vec<Option<Kind>> = vec![None; active.len()];
        let before: Vec<Random> = active.iter().map(|&i| self.sequences[i].random.clone()).collect();
        // Those whose row still grows: index into `active`.
        let mut growing: Vec<usize> = (0..active.len()).collect();
        for place in 0..ROW {
            if stop() {
                for (&i, random) in active.iter().zip(before) {
                    self.sequences[i].random = random;
                }
                return Err(Error::cancelled());
            }
            if place > 0 {
                x.resize(growing.len());
                x.values.fill(0.0);
                for (c, &g) in growing.iter().enumerate() {
                    model.net_token.embed.add_row(made[g][place - 1] as usize, x.row_mut(c));
                }
            }
            let places: Vec<Place> =
                growing.iter().map(|&g| Place { cache: active[g], position: place }).collect();
            model.net_token.forward(
                &mut self.runner,
                &mut x,
                &places,
                &mut self.token_caches,
                &mut self.token_scratch,
            );
            self.logits.resize(growing.len());
            self.runner.multiply(&x, &mut self.head8, &mut [(&model.lm_head, &mut self.logits)]);
            let vocab = model.config.net.vocab_size;
            let mut still = Vec::new();
            for (c, &g) in growing.iter().enumerate() {
                let allowed = Allowed::at(version, limits, kinds[g], place);
                let logits = &self.logits.row(c)[..vocab];
                let list = distribution(&self.runner.kernels, logits, sampling, &allowed, &mut self.masses);
                watch(active[g], place, &list);
                let token = draw(&list, &mut self.sequences[active[g]].random);
                made[g][place] = token;
                if place == 0 {
                    kinds[g] = version.kind_of(token);
                }
                if kinds[g].is_some_and(|kind| place < version.params(kind).len()) {
                    still.push(g);
                }
            }
            growing = still;
            if growing.is_empty() {
                break;
            }
        }
        Ok(made)
    }

    /// Teacher-forced outputs for given rows: `hidden` [rows, width] of the event net after each row, and `logits`
    /// [rows - 1, 8, vocabulary], where row i, place j predicts token j of row i + 1 from hidden i and the tokens
    /// before it.
    pub fn logits(&mut self, rows: &[Row], stop: &dyn Fn() -> bool) -> Result<(Vec<f32>, Vec<f32>)> {
        if rows.is_empty() {
            return Err(Error::input("bad-value", "expected one row at least, found none"));
        }
        self.check_rows(rows)?;
        let model = self.model.clone();
        let (width, vocab) = (model.config.net.hidden_size, model.config.net.vocab_size);
        let mut hidden = Vec::with_capacity(rows.len() * width);
        let mut caches = vec![self.cache()];
        self.read(rows, &mut caches, Some(&mut hidden), stop)?;
        let mut logits = Vec::with_capacity((rows.len() - 1) * ROW * vocab);
        let exact = model.weights == Weights::F32;
        for first in (0..rows.len() - 1).step_by(32) {
            if stop() {
                return Err(Error::cancelled());
            }
            let events: Vec<usize> = (first..(first + 32).min(rows.len() - 1)).collect();
            let mut x = Floats::new(width, events.len() * ROW);
            let mut places = Vec::new();
            for (n, &i) in events.iter().enumerate() {
                for place in 0..ROW {
                    let out = x.row_mut(n * ROW + place);
                    match place {
                        0 => out[..width].copy_from_slice(&hidden[i * width..(i + 1) * width]),
                        _ => model.net_token.embed.add_row(rows[i + 1][place - 1] as usize, out),
                    }
                    places.push(Place { cache: n, position: place });
                }
            }
            let mut caches: Vec<Cache> =
                events.iter().map(|_| Cache::new(&model.config.net_token, exact, ROW)).collect();
            let scratch = &mut self.token_scratch;
            model.net_token.forward(&mut self.runner, &mut x, &places, &mut caches, scratch);
            self.logits.resize(x.count);
            self.runner.multiply(&x, &mut self.head8, &mut [(&model.lm_head, &mut self.logits)]);
            (0..x.count).for_each(|i| logits.extend_from_slice(&self.logits.row(i)[..vocab]));
        }
        Ok((hidden, logits))
    }
}
