//! Random and damaged input to everything that parses: nothing panics, what comes out is well formed, and what is
//! written can be read again. 4000 cases; `MIDI_CASES=1000000 cargo test --release --test random_input` runs more.

mod common;

use skytnt_midi::midi;
use skytnt_midi::model::{Config, Model, Weights};
use skytnt_midi::sample::Random;
use skytnt_midi::tokenizer::{BOS, EOS, Options, ROW, Row, Version, decode, encode, event_of_row};

fn cases() -> u64 {
    std::env::var("MIDI_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(4000)
}

struct Chance(Random);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        (self.0.unit() * n as f64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(common::testdata("")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "mid"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A file with a few bytes changed, a piece cut out or put twice, its end cut off; or noise behind a good header.
fn damaged(chance: &mut Chance, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    if chance.below(20) == 0 {
        bytes.truncate(14 + 8);
        (0..chance.below(200)).for_each(|_| bytes.push(chance.byte()));
        return bytes;
    }
    for _ in 0..=chance.below(6) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = chance.below(bytes.len());
        match chance.below(6) {
            0 | 1 => bytes[at] = chance.byte(),
            2 => bytes[at] ^= 1 << chance.below(8),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..(at + chance.below(12)).min(bytes.len()))),
            _ => {
                let piece = bytes[at..(at + chance.below(24)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn options(chance: &mut Chance) -> Options {
    let version = if chance.below(2) == 0 { Version::V1 } else { Version::V2 };
    let mut options = Options::new(version, false);
    options.remap = chance.below(2) == 0;
    options.default_instruments = chance.below(2) == 0;
    options.remove_empty_channels = chance.below(2) == 0;
    options.strict = chance.below(2) == 0;
    options
}

#[test]
fn files_never_panic_and_tokens_are_well_formed() {
    let seeds = seeds();
    let mut chance = Chance(Random::new(1));
    let mut read = 0u64;
    for case in 0..cases() {
        let bytes = damaged(&mut chance, &seeds);
        let options = options(&mut chance);
        let Ok(reading) = midi::read(&bytes, options.strict) else { continue };
        read += 1;
        let rows = encode(&reading.score, &options).rows;
        assert!(rows.first().unwrap()[0] == BOS && rows.last().unwrap()[0] == EOS, "case {case}");
        for row in &rows[1..rows.len() - 1] {
            let event = event_of_row(options.version, row);
            assert_eq!(event.and_then(|e| e.row(options.version)).as_ref(), Some(row), "case {case}");
        }
        let written = midi::write(&decode(options.version, &rows)).unwrap();
        let again = midi::read(&written, true).unwrap();
        assert!(again.notices.is_empty(), "case {case}: {:?}", again.notices);
    }
    assert!(read * 2 > cases(), "only {read} of {} could be read at all", cases());
}

#[test]
fn any_rows_decode_to_a_readable_file() {
    let mut chance = Chance(Random::new(2));
    for case in 0..cases() / 4 {
        let version = if chance.below(2) == 0 { Version::V1 } else { Version::V2 };
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..chance.below(40) {
            let mut row = [0; ROW];
            row[0] = chance.below(10) as u32;
            for (place, token) in row.iter_mut().enumerate().skip(1) {
                // Mostly tokens that fit their place.
                let kind = version.kind_of(0).or(version.kind_of(chance.below(9) as u32));
                let params = kind.map_or(&[][..], |kind| version.params(kind));
                *token = match params.get(place - 1) {
                    Some(&p) if chance.below(4) > 0 => {
                        version.first(p) + chance.below(version.size(p) as usize) as u32
                    }
                    _ => chance.below(4000) as u32,
                };
            }
            rows.push(row);
        }
        let written = midi::write(&decode(version, &rows)).unwrap();
        assert!(midi::read(&written, true).is_ok(), "case {case}");
    }
}

#[test]
fn damaged_models_are_refused_or_read_and_never_panic() {
    let golden = common::golden("tiny.json");
    let config = golden["config"].to_string();
    let folder = common::TempFolder::new("damaged");
    let mut tensors = common::seeded_tensors(&golden, safetensors::Dtype::BF16);
    tensors.truncate(6);
    common::write_folder(&folder.0, &golden["config"], &tensors);
    let good = std::fs::read(folder.0.join("model.safetensors")).unwrap();
    let pickle = include_bytes!("../testdata/pickle.ckpt");
    let mut chance = Chance(Random::new(3));
    for case in 0..cases() / 20 {
        let mut text = config.clone().into_bytes();
        let at = chance.below(text.len());
        text[at] = b"0123456789{}[]\",:eE.-nul"[chance.below(24)];
        let _ = Config::parse(&String::from_utf8_lossy(&text), "config.json");

        // The header is where damage can mislead; the numbers behind it can only be wrong.
        let mut header = good[..good.len().min(4096)].to_vec();
        let at = chance.below(900);
        header[at] = chance.byte();
        std::fs::write(folder.0.join("model.safetensors"), &header).unwrap();
        assert!(Model::load(&folder.0, Weights::F32, None, None).is_err(), "case {case}");

        let mut bytes = pickle.to_vec();
        for _ in 0..=chance.below(3) {
            let at = chance.below(bytes.len());
            bytes[at] = chance.byte();
        }
        bytes.truncate(bytes.len() - chance.below(2) * chance.below(bytes.len()));
        let path = folder.0.join("model.ckpt");
        std::fs::write(&path, &bytes).unwrap();
        assert!(Model::load(&path, Weights::F32, Some("tv2o-medium"), None).is_err(), "case {case}");
    }
}
