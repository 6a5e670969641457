//! The ways in which weights come: 8 bits in the file, checkpoints, LoRA; and what sessions promise.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use safetensors::Dtype;
use skytnt_midi::Status;
use skytnt_midi::model::{Model, Weights};
use skytnt_midi::sample::{Limits, Sampling};
use skytnt_midi::session::{Session, Setup};
use skytnt_midi::tokenizer::{Kind, Row, Version, event_of_row};

fn outputs(model: Model, rows: &[Row]) -> Vec<f32> {
    let mut session = Session::new(Arc::new(model), &Setup { threads: 1, kernels: None }).unwrap();
    session.logits(rows, &|| false).unwrap().1
}

fn load(path: &Path, weights: Weights) -> Model {
    Model::load(path, weights, None, None).unwrap()
}

#[test]
fn eight_bits_in_the_file_are_eight_bits_made_at_load() {
    for name in ["tiny", "odd"] {
        let golden = common::golden(&format!("{name}.json"));
        let folder = common::TempFolder::new(&format!("q8-{name}"));
        let (floats, bytes) = (folder.0.join("f"), folder.0.join("q"));
        common::write_folder(&floats, &golden["config"], &common::seeded_tensors(&golden, Dtype::F32));
        common::write_folder(&bytes, &golden["config"], &common::eight_bit_tensors(&golden));
        let rows = common::rows(&golden["prompt"]);
        let made = outputs(load(&floats, Weights::Q8), &rows);
        assert_eq!(made, outputs(load(&bytes, Weights::Q8), &rows), "{name}");
        // The same weights expanded differ by the rounding of activations alone.
        let expanded = outputs(load(&bytes, Weights::F32), &rows);
        let most = made.iter().zip(&expanded).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(most > 0.0 && most < 0.4, "{name}: {most}");
    }
}

#[test]
fn checkpoints_of_torch_are_read_with_and_without_state_dict() {
    let golden = common::golden("tiny.json");
    let rows = common::rows(&golden["prompt"]);
    // Written by PyTorch (make_goldens.py): a few tensors, the rest filled in here from their seed.
    let path = common::testdata("pickle.ckpt");
    let names = skytnt_midi::model::checkpoint_tensors(&path).unwrap();
    assert!(names.contains(&"net.norm.weight".to_string()) && names.len() == 3, "{names:?}");
    let values = skytnt_midi::model::checkpoint_values(&path, "net.norm.weight").unwrap();
    assert_eq!(values, common::tensor(golden["salt"].as_str().unwrap(), "net.norm.weight", &[64]));
    assert!(!rows.is_empty());
}

#[test]
fn lora_is_added_to_the_weights_that_it_names() {
    let golden = common::golden("tiny.json");
    let folder = common::TempFolder::new("lora");
    let at = |name: &str| folder.0.join(name);
    let mut tensors = common::seeded_tensors(&golden, Dtype::F32);
    common::write_folder(&at("base"), &golden["config"], &tensors);
    let (name, rank, alpha) = ("net.layers.2.self_attn.v_proj", 4, 6.0f32);
    let a = common::tensor("", "a", &[rank, 64]);
    let b = common::tensor("", "b", &[64, rank]);
    let full = |half: &str| format!("base_model.model.{name}.lora_{half}.weight");
    std::fs::create_dir_all(at("lora")).unwrap();
    let config = r#"{"peft_type":"LORA","r":4,"lora_alpha":6,"bias":"none"}"#;
    std::fs::write(at("lora/adapter_config.json"), config).unwrap();
    let pair = vec![
        (full("A"), Dtype::F32, vec![rank, 64], common::encode(&a, Dtype::F32)),
        (full("B"), Dtype::F32, vec![64, rank], common::encode(&b, Dtype::F32)),
    ];
    common::write_safetensors(&at("lora/adapter_model.safetensors"), &pair);

    let weight = tensors.iter_mut().find(|t| t.0 == format!("{name}.weight")).unwrap();
    let mut merged = common::tensor(golden["salt"].as_str().unwrap(), &weight.0, &[64, 64]);
    for r in 0..64 {
        for c in 0..64 {
            let sum: f32 = (0..rank).map(|k| b[r * rank + k] * a[k * 64 + c]).sum();
            merged[r * 64 + c] += sum * alpha / rank as f32;
        }
    }
    weight.3 = common::encode(&merged, Dtype::F32);
    common::write_folder(&at("merged"), &golden["config"], &tensors);
    let rows = common::rows(&golden["prompt"]);
    let with = Model::load(&at("base"), Weights::F32, None, Some(&at("lora"))).unwrap();
    let with = outputs(with, &rows);
    let want = outputs(load(&at("merged"), Weights::F32), &rows);
    let without = outputs(load(&at("base"), Weights::F32), &rows);
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0f32, |m, (x, y)| m.max((x - y).abs()));
    assert!(apart(&with, &want) < 1e-4 && apart(&with, &without) > 0.01);

    let wrong = vec![
        (
            full("A").replace("layers.2", "layers.9"),
            Dtype::F32,
            vec![rank, 64],
            common::encode(&a, Dtype::F32),
        ),
        (
            full("B").replace("layers.2", "layers.9"),
            Dtype::F32,
            vec![64, rank],
            common::encode(&b, Dtype::F32),
        ),
    ];
    common::write_safetensors(&at("lora/adapter_model.safetensors"), &wrong);
    let error = Model::load(&at("base"), Weights::F32, None, Some(&at("lora"))).err().unwrap();
    assert!(error.message.contains("layers.9"), "{error}");
}

fn tiny(name: &str, weights: Weights) -> (common::TempFolder, Arc<Model>, Vec<Row>) {
    let golden = common::golden("tiny.json");
    let folder = common::TempFolder::new(name);
    common::write_folder(&folder.0, &golden["config"], &common::seeded_tensors(&golden, Dtype::BF16));
    let model = Arc::new(load(&folder.0, weights));
    (folder, model, common::rows(&golden["prompt"]))
}

#[test]
fn seeds_repeat_in_any_company_and_sessions_share_a_model_between_threads() {
    let (_folder, model, prompt) = tiny("seeds", Weights::F16);
    let run = |seeds: &[u64]| {
        let mut session = Session::new(model.clone(), &Setup { threads: 2, kernels: None }).unwrap();
        session.start(&prompt, seeds, &|| false).unwrap();
        for _ in 0..12 {
            session.step(&Sampling::default(), &Limits::default(), &|| false, &mut |_, _| {}).unwrap();
        }
        (0..seeds.len()).map(|i| session.rows(i).to_vec()).collect::<Vec<_>>()
    };
    let together = run(&[5, 6, 7]);
    assert_ne!(together[0], together[1]);
    std::thread::scope(|scope| {
        let alone: Vec<_> = [5, 6, 7].map(|seed| scope.spawn(move || run(&[seed]))).into();
        for (i, thread) in alone.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap()[0], together[i], "seed {}", 5 + i);
        }
    });
}

#[test]
fn limits_hold_and_a_stop_between_tokens_leaves_whole_events() {
    let (_folder, model, prompt) = tiny("limits", Weights::Q8);
    let limits = Limits {
        no_patch_change: true,
        no_control_change: true,
        no_channels: !0b100_0010,
        notes_alone: false,
    };
    let mut session = Session::new(model, &Setup::default()).unwrap();
    session.start(&prompt, &[1, 2, 3, 4], &|| false).unwrap();
    for _ in 0..30 {
        session.step(&Sampling::default(), &limits, &|| false, &mut |_, _| {}).unwrap();
    }
    let made = (0..4).flat_map(|i| session.rows(i)[prompt.len()..].to_vec());
    for event in made.filter_map(|row| event_of_row(Version::V2, &row)) {
        assert!(!matches!(event.kind, Kind::PatchChange | Kind::ControlChange));
        assert!(event.kind != Kind::Note || [1, 6].contains(&event.args[0]), "{event:?}");
    }
    // Asked at every place in turn: the events before stay, the one under way goes, and its numbers are drawn again.
    let mut whole = Vec::new();
    for patience in 0..12 {
        session.start(&prompt, &[9], &|| false).unwrap();
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= patience;
        while let Ok(true) = session.step(&Sampling::default(), &limits, &stop, &mut |_, _| {}) {}
        let error = session.step(&Sampling::default(), &limits, &|| true, &mut |_, _| {}).err();
        assert!(session.ended(0) || error.is_some_and(|e| e.status == Status::Cancelled));
        session.step(&Sampling::default(), &limits, &|| false, &mut |_, _| {}).unwrap();
        let rows = session.rows(0).to_vec();
        assert!(rows.len() <= whole.len() || rows.starts_with(&whole), "patience {patience}");
        if rows.len() > whole.len() {
            whole = rows;
        }
    }
    assert!(whole.len() > prompt.len());
}
