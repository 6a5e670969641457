//! Events a second of a model, beside the memory bandwidth that bounds them, as JSON, a line for each kind of weights:
//! `cargo run --release --example bench -- MODEL [threads] [f32,f16,q8] [seconds]`. bench/midi.mjs runs it and the peers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use skytnt_midi::compose::{Answer, Length, run};
use skytnt_midi::model::{Model, Weights};
use skytnt_midi::sample::{Limits, Sampling};
use skytnt_midi::session::{Session, Setup, default_threads};
use skytnt_midi::tokenizer::{Event, Kind, Row, Version, special};

const SEED_EVENTS: usize = 512;

/// Eight sums over a slice; inlined where vectors are enabled.
#[inline(always)]
fn add_up(part: &[u64]) -> u64 {
    let mut sums = [0u64; 32];
    for chunk in part.chunks_exact(32) {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(value);
        }
    }
    sums.iter().fold(0, |a, &b| a.wrapping_add(b))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_up_avx2(part: &[u64]) -> u64 {
    add_up(part)
}

fn read(part: &[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it.
        return unsafe { add_up_avx2(part) };
    }
    add_up(part)
}

/// Bytes a second that `threads` threads read of a large array in huge pages, the best of eight.
fn bandwidth(threads: usize) -> f64 {
    let count = 64 << 20; // 512 MiB: no cache holds it
    let data: Vec<u64> = Vec::with_capacity(count);
    #[cfg(target_os = "linux")]
    // SAFETY: pages inside the vector's own memory; the advice changes no contents.
    unsafe {
        let start = (data.as_ptr() as usize).next_multiple_of(4096);
        libc::madvise(start as *mut _, count * 8 - 4096, libc::MADV_HUGEPAGE);
    }
    let mut data = data;
    data.resize(count, 1);
    let mut best = 0.0f64;
    for _ in 0..8 {
        let begun = Instant::now();
        let sum: u64 = std::thread::scope(|scope| {
            let parts = data.chunks(count.div_ceil(threads).next_multiple_of(32));
            let sums = parts.map(|part| scope.spawn(|| read(part)));
            sums.collect::<Vec<_>>().into_iter().map(|part| part.join().unwrap_or(0)).sum()
        });
        assert_eq!(sum, count as u64);
        best = best.max((count * 8) as f64 / begun.elapsed().as_secs_f64());
    }
    best
}

/// A number of bytes that the system tells about this process; 0 where it does not.
fn status(field: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib =
        line.and_then(|line| line.trim_matches([':', ' ', '\t']).split(' ').next()?.trim().parse().ok());
    kib.unwrap_or(0) * 1024
}

/// Has the process's peak forget what was before.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Note events a second for so many seconds: a note has the most tokens, so that all columns do the same work.
fn notes(model: &Arc<Model>, threads: usize, count: usize, seconds: f64) -> f64 {
    let mut session = Session::new(model.clone(), &Setup { threads, kernels: None }).expect("a session");
    session.start(&[], &vec![1; count], &|| false).expect("a start");
    let (mut tokens, mut made, mut begun) = (0, 0, None);
    let warm = 4 * count;
    let length = Length { events: 4096, seconds: 0.0 };
    let last = std::cell::Cell::new(0.0);
    run(
        &mut session,
        &Sampling::default(),
        &Limits::only_notes(),
        &length,
        &|| if last.get() < seconds { Answer::Continue } else { Answer::Keep },
        &mut |_, row| {
            tokens += row.iter().filter(|&&token| token != 0).count();
            made += 1;
            if made == warm {
                begun = Some(Instant::now());
            }
            last.set(begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64()));
        },
    )
    .expect("a run");
    assert_eq!(tokens, made * 8);
    (made - warm) as f64 / last.get()
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
    let path = arguments.first().expect("usage: bench MODEL [threads] [weights] [seconds]");
    let threads = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or_else(default_threads);
    let kinds = arguments.get(2).map_or("f32,f16,q8", String::as_str);
    let seconds = arguments.get(3).and_then(|text| text.parse().ok()).unwrap_or(5.0);
    for name in kinds.split(',') {
        let weights = Weights::from_name(name).expect("f32, f16 or q8");
        forget_peak();
        let before = status("VmRSS");
        let begun = Instant::now();
        let model = Arc::new(Model::load(Path::new(path), weights, None, None).expect("a model"));
        let load = begun.elapsed().as_secs_f64();
        let rate = notes(&model, threads, 1, seconds);
        let mut session = Session::new(model.clone(), &Setup { threads, kernels: None }).expect("a session");
        let begun = Instant::now();
        let prompt = seed(model.config.version, SEED_EVENTS - 1);
        session.start(&prompt, &[1], &|| false).expect("a start");
        session.step(&Sampling::default(), &Limits::default(), &|| false, &mut |_, _| {}).expect("a step");
        let first = begun.elapsed().as_secs_f64();
        let (peak, caches) = (status("VmHWM").saturating_sub(before), session.cache_bytes());
        let rate4 = notes(&model, threads, 4, seconds);
        let bytes_a_second = bandwidth(threads);
        let read = model.bytes_per_note() as f64;
        println!(
            "{{\"weights\":\"{name}\",\"kernels\":\"{}\",\"threads\":{threads},\"load_seconds\":{load:.2},\
             \"events_per_second\":{rate:.2},\"batch4_events_per_second\":{rate4:.2},\
             \"first_event_seconds\":{first:.3},\"bytes_per_event\":{read:.0},\"bandwidth\":{bytes_a_second:.0},\
             \"share_of_bandwidth\":{:.3},\"weight_bytes\":{},\"cache_bytes\":{caches},\"peak_bytes\":{peak},\
             \"memory_ratio\":{:.3}}}",
            session.kernels(),
            rate * read / bytes_a_second,
            model.bytes(),
            peak.saturating_sub(caches) as f64 / model.bytes() as f64,
        );
    }
}
