//! Events a second of a model, beside the memory bandwidth that bounds them:
//! `cargo run --release --example bench -- MODEL [threads]`. It runs no peers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use skytnt_midi::compose::{Answer, Length, run};
use skytnt_midi::model::{Model, Weights};
use skytnt_midi::sample::{Limits, Sampling};
use skytnt_midi::session::{Session, Setup, default_threads};
use skytnt_midi::tokenizer::{Event, Kind, Row, Version, special};

/// Bytes a second that `threads` threads read of a large array, the best of three.
fn bandwidth(threads: usize) -> f64 {
    let data = vec![1u64; 64 << 20]; // 512 MiB: no cache holds it
    let mut best = 0.0f64;
    for _ in 0..3 {
        let begun = Instant::now();
        let sum: u64 = std::thread::scope(|scope| {
            let parts = data.chunks(data.len().div_ceil(threads));
            let sums = parts.map(|part| scope.spawn(|| part.iter().fold(0u64, |a, &b| a.wrapping_add(b))));
            sums.collect::<Vec<_>>().into_iter().map(|part| part.join().unwrap_or(0)).sum()
        });
        assert_eq!(sum, data.len() as u64);
        best = best.max((data.len() * 8) as f64 / begun.elapsed().as_secs_f64());
    }
    best
}

/// A run of note events: a note has the most tokens, so that all columns do the same work.
fn notes(model: &Arc<Model>, threads: usize, count: usize, events: usize) -> (f64, usize) {
    let mut session = Session::new(model.clone(), &Setup { threads, kernels: None }).expect("a session");
    session.start(&[], &vec![1; count], &|| false).expect("a start");
    let (mut tokens, mut made) = (0, 0);
    let begun = Instant::now();
    let length = Length { events, seconds: 0.0 };
    run(
        &mut session,
        &Sampling::default(),
        &Limits::only_notes(),
        &length,
        &|| Answer::Continue,
        &mut |_, row| {
            tokens += row.iter().filter(|&&token| token != 0).count();
            made += 1;
        },
    )
    .expect("a run");
    assert_eq!(tokens, made * 8);
    (made as f64 / begun.elapsed().as_secs_f64(), made)
}

fn seed(version: Version, events: usize) -> Vec<Row> {
    let note = |i: usize| {
        let (pitch, args) = (48 + (i * 7 % 36) as i64, [0, 0, 80, 4]);
        let event =
            Event { kind: Kind::Note, t1: i.is_multiple_of(4).into(), t2: (i % 16) as i64, track: 1, args };
        Event { args: [args[0], pitch, args[2], args[3]], ..event }.row(version)
    };
    std::iter::once(special(1)).chain((0..events).filter_map(note)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().expect("usage: bench MODEL [threads]");
    let threads = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or_else(default_threads);
    let bytes_a_second = bandwidth(threads);
    println!("{{\"bandwidth\":{bytes_a_second:.0},\"threads\":{threads}}}");
    for weights in [Weights::F32, Weights::F16, Weights::Q8] {
        let begun = Instant::now();
        let model = Arc::new(Model::load(Path::new(path), weights, None, None).expect("a model"));
        let load = begun.elapsed().as_secs_f64();
        notes(&model, threads, 1, 4); // reads the weights in
        let (rate, _) = notes(&model, threads, 1, 48);
        let (rate4, _) = notes(&model, threads, 4, 24);
        let mut session = Session::new(model.clone(), &Setup { threads, kernels: None }).expect("a session");
        let begun = Instant::now();
        session.start(&seed(model.config.version, 511), &[1], &|| false).expect("a start");
        session.step(&Sampling::default(), &Limits::default(), &|| false, &mut |_, _| {}).expect("a step");
        let first = begun.elapsed().as_secs_f64();
        let read = model.bytes_per_note() as f64;
        println!(
            "{{\"weights\":\"{}\",\"kernels\":\"{}\",\"load_seconds\":{load:.2},\"events_per_second\":{rate:.2},\
             \"batch4_events_per_second\":{rate4:.2},\"first_event_after_512_seconds\":{first:.3},\
             \"bytes_per_event\":{read:.0},\"share_of_bandwidth\":{:.3}}}",
            weights.name(),
            session.kernels(),
            rate * read / bytes_a_second
        );
    }
}
