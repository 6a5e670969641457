//! What must be refused, and how; what is taken as well as it can be.

mod common;

use safetensors::Dtype;
use skytnt_midi::midi::{self, What};
use skytnt_midi::model::{Config, Model, Weights};
use skytnt_midi::tokenizer::{Options, Version, encode};
use skytnt_midi::{Error, Status};

fn song() -> Vec<u8> {
    std::fs::read(common::testdata("song.mid")).unwrap()
}

fn with(mut bytes: Vec<u8>, at: usize, change: &[u8]) -> Vec<u8> {
    bytes[at..at + change.len()].copy_from_slice(change);
    bytes
}

#[test]
fn files_that_are_no_midi_are_refused_with_what_was_found() {
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("empty", vec![], "empty file"),
        ("short", b"MThd".to_vec(), "4 bytes"),
        ("text", b"this is no MIDI file at all".to_vec(), "this"),
        ("no division", with(song(), 12, &[0, 0]), "division"),
        ("short header", with(song(), 4, &[0, 0, 0, 2]), "header"),
        ("no tracks", song()[..14].to_vec(), "tracks"),
        ("SMPTE without ticks", with(song(), 12, &[0xe8, 0]), "SMPTE"),
    ];
    for (what, bytes, found) in cases {
        let error = midi::read(&bytes, false).unwrap_err();
        assert_eq!(error.status, Status::Input, "{what}");
        assert!(
            error.message.contains(found) && error.message.contains("expected") || what.contains("SMPTE"),
            "{what}: {error}"
        );
    }
}

#[test]
fn imperfect_files_are_read_as_far_as_they_go_and_that_is_told() {
    let notes = |bytes: &[u8], strict: bool| {
        let reading = midi::read(bytes, strict).unwrap();
        let all = reading.score.tracks.iter().flatten();
        (all.filter(|e| matches!(e.what, What::Note { .. })).count(), reading)
    };
    let whole = notes(&song(), false).0;
    let (n, reading) = notes(&song()[..song().len() - 40], false);
    assert!(n > 0 && n < whole && reading.notices.len() == 1, "{n} {:?}", reading.notices);

    let huge = with(song(), 18, &[0x40, 0, 0, 0]); // the first track's length: 1 GiB
    assert_eq!(notes(&huge, false).1.notices.len(), 1);
    assert!(midi::read(&huge, true).is_err(), "the original reads no track of it");

    let (_, smpte) = notes(&with(song(), 12, &[0xe7, 40]), false); // 25 frames of 40 ticks
    assert_eq!(smpte.score.ticks_per_beat, 500);
    let (n, patterns) = notes(&with(song(), 8, &[0, 2]), false);
    assert!(n == whole && patterns.notices[0].contains("format 2"));
    let mut riff = b"RIFF\0\0\0\0RMIDdata\0\0\0\0".to_vec();
    riff.extend(song());
    assert_eq!(notes(&riff, false).0, whole);
}

#[test]
fn a_hundred_thousand_notes_are_tokenised() {
    let mut track = Vec::new();
    for i in 0..100_000u32 {
        track.extend([0, 0x90, (36 + i % 48) as u8, 100, 10, 0x80, (36 + i % 48) as u8, 0]);
    }
    track.extend([0, 0xff, 0x2f, 0]);
    let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
    bytes.extend((track.len() as u32).to_be_bytes());
    bytes.extend(track);
    let score = midi::read(&bytes, false).unwrap().score;
    let rows = encode(&score, &Options::new(Version::V2, true)).rows;
    assert!(rows.len() > 90_000, "{}", rows.len());
}

fn load(change: impl FnOnce(&mut common::Tensors)) -> Error {
    let golden = common::golden("tiny.json");
    let folder = common::TempFolder::new("bad");
    let mut tensors = common::seeded_tensors(&golden, Dtype::F32);
    change(&mut tensors);
    common::write_folder(&folder.0, &golden["config"], &tensors);
    for weights in [Weights::F16, Weights::Q8] {
        assert!(Model::load(&folder.0, weights, None, None).is_err());
    }
    Model::load(&folder.0, Weights::F32, None, None).err().unwrap()
}

#[test]
fn models_that_cannot_work_are_refused_by_tensor() {
    let missing = load(|tensors| tensors.retain(|(name, ..)| name != "net.layers.1.mlp.up_proj.weight"));
    assert_eq!((missing.status, missing.code), (Status::Input, "missing-tensor"));
    assert!(missing.message.contains("net.layers.1.mlp.up_proj.weight"), "{missing}");
    let shape =
        load(|tensors| tensors.iter_mut().filter(|t| t.0 == "lm_head.weight").for_each(|t| t.2.reverse()));
    assert!(shape.code == "wrong-shape" && shape.message.contains("[3406, 64]"), "{shape}");
    for tensor in ["lm_head.weight", "net.norm.weight", "net_token.layers.0.self_attn.q_proj.weight"] {
        let nan = load(|tensors| {
            let bytes = &mut tensors.iter_mut().find(|t| t.0 == tensor).unwrap().3;
            bytes[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
        });
        assert!(nan.code == "not-finite" && nan.message.contains(tensor), "{nan}");
    }
}

#[test]
fn files_that_are_no_model_are_refused() {
    let golden = common::golden("tiny.json");
    let folder = common::TempFolder::new("nomodel");
    let at = |name: &str| folder.0.join(name);
    let error = |path: &std::path::Path| Model::load(path, Weights::F32, None, None).err().unwrap();
    assert_eq!(error(&at("nothing")).code, "cannot-read");
    assert_eq!(error(&folder.0).code, "bad-model");
    std::fs::write(at("model.safetensors"), b"").unwrap();
    assert!(error(&folder.0).message.contains("config.json"));
    std::fs::write(at("config.json"), golden["config"].to_string()).unwrap();
    assert!(error(&folder.0).message.contains("empty"));
    for content in [&b"0123"[..], &[0xff; 64], b"{\"a\":1} and more text than eight bytes"] {
        std::fs::write(at("model.safetensors"), content).unwrap();
        assert_eq!(error(&folder.0).code, "bad-model");
        std::fs::write(at("other.ckpt"), content).unwrap();
        assert_eq!(error(&at("other.ckpt")).code, "bad-model");
    }
    let code = common::golden("tiny.json")["config"].to_string();
    for (from, to, found) in [
        ("\"v2\"", "\"v3\"", "v3"),
        ("\"vocab_size\":3406", "\"vocab_size\":3407", "3407"),
        ("\"num_attention_heads\":4", "\"num_attention_heads\":5", "divisor of 5"),
        ("\"hidden_size\":64", "\"hidden_size\":0", "found 0"),
        ("\"rms_norm_eps\"", "\"attention_bias\":true,\"rms_norm_eps\"", "attention_bias"),
        ("\"rms_norm_eps\"", "\"hidden_act\":\"gelu\",\"rms_norm_eps\"", "gelu"),
        ("net_token_config", "net_tokens", "net_token_config"),
        ("{", "[", "JSON"),
    ] {
        let error = Config::parse(&code.replacen(from, to, 1), "config.json").unwrap_err();
        assert!(error.message.contains(found), "{error}");
    }
}

#[test]
fn pickles_that_want_more_than_tensors_are_refused() {
    let folder = common::TempFolder::new("pickle");
    let path = folder.0.join("model.ckpt");
    let good = include_bytes!("../testdata/pickle.ckpt");
    // The same length, so that nothing else in the zip changes: another function's name in the pickle.
    let name = b"_rebuild_tensor_v2";
    let at = good.windows(name.len()).position(|window| window == name).unwrap();
    let mut bytes = good.to_vec();
    bytes[at..at + name.len()].copy_from_slice(b"_rebuild_something");
    std::fs::write(&path, &bytes).unwrap();
    let error = Model::load(&path, Weights::F32, Some("tv2o-medium"), None).err().unwrap();
    assert!(error.message.contains("_rebuild_something") && error.message.contains("refused"), "{error}");
    std::fs::write(&path, good).unwrap();
    let error = Model::load(&path, Weights::F32, Some("tv2o-medium"), None).err().unwrap();
    assert_eq!(error.code, "missing-tensor", "{error}");
}
