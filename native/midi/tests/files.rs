//! Tokens and written files against the original's, on the made-up files of training/goldens/midi/files.py.

mod common;

use skytnt_midi::midi;
use skytnt_midi::tokenizer::{Options, Version, decode, encode};

#[test]
fn tokens_and_files_are_the_originals() {
    let index = common::golden("files.json");
    for (file, configurations) in index.as_object().unwrap() {
        let bytes = std::fs::read(common::testdata(file)).unwrap();
        for (name, want) in configurations.as_object().unwrap() {
            let (version, optimise) = name.split_once('-').unwrap();
            let version = Version::from_name(version).unwrap();
            let mut options = Options::new(version, optimise == "optimise");
            options.strict = true;
            let score = midi::read(&bytes, true).unwrap().score;
            let rows = encode(&score, &options).rows;
            if want.get("tokens").is_some() {
                assert_eq!(rows, common::rows(&want["tokens"]), "{file} {name}");
            }
            let packed: Vec<u8> = rows.iter().flatten().flat_map(|&t| (t as u16).to_le_bytes()).collect();
            assert_eq!(rows.len() as u64, want["rows"].as_u64().unwrap(), "{file} {name}: rows");
            let hash = format!("{:016x}", common::fnv1a(&packed));
            assert_eq!(hash, want["hash"], "{file} {name}: tokens");
            let written = midi::write(&decode(version, &rows)).unwrap();
            assert_eq!(
                written.len() as u64,
                want["midi_bytes"].as_u64().unwrap(),
                "{file} {name}: file's size"
            );
            let hash = format!("{:016x}", common::fnv1a(&written));
            assert_eq!(hash, want["midi_hash"], "{file} {name}: file's bytes");
        }
    }
}

#[test]
fn silences_and_long_notes_are_kept_and_told() {
    let bytes = std::fs::read(common::testdata("gap.mid")).unwrap();
    let score = midi::read(&bytes, false).unwrap().score;
    let options = Options::new(Version::V2, true);
    let encoded = encode(&score, &options);
    assert_eq!(encoded.notices.len(), 2, "{:?}", encoded.notices);
    let back = decode(Version::V2, &encoded.rows);
    let notes: Vec<(i64, i64)> = back
        .tracks
        .iter()
        .flatten()
        .filter_map(|e| match e.what {
            midi::What::Note { duration, .. } => Some((e.time, duration)),
            _ => None,
        })
        .collect();
    assert_eq!(notes, [(0, 450), (480 * 200, 450), (480 * 201, 2047 * 30)]);
    let strict = encode(&score, &Options { strict: true, ..options });
    assert!(strict.rows.len() < encoded.rows.len());
}
