//! Seeded models for tests, bit for bit those of training/goldens/midi/seeded.py.
#![allow(dead_code)] // each test program uses a part

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;
use skytnt_midi::tokenizer::{ROW, Row};

pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |value, &b| (value ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

pub fn golden(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(testdata(name)).unwrap()).unwrap()
}

/// A folder that is removed when this is dropped.
pub struct TempFolder(pub PathBuf);

impl TempFolder {
    pub fn new(name: &str) -> TempFolder {
        let unique = format!("skytnt-midi-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        TempFolder(path)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Integers in -128…127 (`seeded.bytes_of`).
pub fn integers(key: u64, count: usize) -> impl Iterator<Item = i32> {
    (1..=count as u64).map(move |i| {
        let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(key);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 56) as i32 - 128
    })
}

/// The tensor's values (`seeded.tensor`).
pub fn tensor(salt: &str, name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let key = fnv1a(format!("{salt}{name}").as_bytes());
    let power = if name.contains("embed_tokens") {
        -1
    } else {
        let spread = if name.contains("lm_head") { 1 } else { 0 };
        let width = *shape.last().unwrap() as f64;
        -((width.log2() / 2.0).ceil() as i32) + 1 + spread
    };
    let scale = 2f32.powi(power);
    let norm = name.contains("norm");
    integers(key, count)
        .map(|v| if norm { 1.0 + (v >> 3) as f32 / 64.0 } else { v as f32 / 128.0 * scale })
        .collect()
}

/// Names and shapes of all tensors of a configuration.
pub fn tensors_of(config: &Value) -> Vec<(String, Vec<usize>)> {
    let mut list = Vec::new();
    for (prefix, key) in [("net", "net_config"), ("net_token", "net_token_config")] {
        let n = |field: &str| config[key][field].as_u64().unwrap() as usize;
        let (hidden, inner, heads) = (n("hidden_size"), n("intermediate_size"), n("num_attention_heads"));
        let kv = hidden / heads * n("num_key_value_heads");
        list.push((format!("{prefix}.embed_tokens.weight"), vec![n("vocab_size"), hidden]));
        for i in 0..n("num_hidden_layers") {
            let shapes = [
                ("self_attn.q_proj", vec![hidden, hidden]),
                ("self_attn.k_proj", vec![kv, hidden]),
                ("self_attn.v_proj", vec![kv, hidden]),
                ("self_attn.o_proj", vec![hidden, hidden]),
                ("mlp.gate_proj", vec![inner, hidden]),
                ("mlp.up_proj", vec![inner, hidden]),
                ("mlp.down_proj", vec![hidden, inner]),
                ("input_layernorm", vec![hidden]),
                ("post_attention_layernorm", vec![hidden]),
            ];
            list.extend(shapes.map(|(part, shape)| (format!("{prefix}.layers.{i}.{part}.weight"), shape)));
        }
        list.push((format!("{prefix}.norm.weight"), vec![hidden]));
    }
    let net = &config["net_config"];
    let shape =
        vec![net["vocab_size"].as_u64().unwrap() as usize, net["hidden_size"].as_u64().unwrap() as usize];
    list.push(("lm_head.weight".into(), shape));
    list
}

pub fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
        _ => panic!("no encoder for {dtype:?}"),
    }
}

/// Tensors as they will be written: name, type, shape, bytes.
pub type Tensors = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

pub fn seeded_tensors(golden: &Value, dtype: Dtype) -> Tensors {
    let salt = golden["salt"].as_str().unwrap_or("");
    let make = |(name, shape): (String, Vec<usize>)| {
        let bytes = encode(&tensor(salt, &name, &shape), dtype);
        (name, dtype, shape, bytes)
    };
    tensors_of(&golden["config"]).into_iter().map(make).collect()
}

/// The 8-bit form that docs/midi-model-format.md describes.
pub fn eight_bit_tensors(golden: &Value) -> Tensors {
    let salt = golden["salt"].as_str().unwrap_or("");
    let mut list = Tensors::new();
    for (name, shape) in tensors_of(&golden["config"]) {
        let values = tensor(salt, &name, &shape);
        if shape.len() == 1 {
            list.push((name, Dtype::F32, shape, encode(&values, Dtype::F32)));
            continue;
        }
        let (mut bytes, mut scales) = (Vec::new(), Vec::new());
        for row in values.chunks(shape[1]) {
            let most = row.iter().fold(0f32, |a, v| a.max(v.abs()));
            let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
            bytes.extend(row.iter().map(|v| (v / scale).round_ties_even() as i8 as u8));
            scales.push(scale);
        }
        list.push((format!("{name}.scale"), Dtype::F32, vec![shape[0]], encode(&scales, Dtype::F32)));
        list.push((name, Dtype::I8, shape, bytes));
    }
    list
}

/// Writes a model folder.
pub fn write_folder(folder: &Path, config: &Value, tensors: &Tensors) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    write_safetensors(&folder.join("model.safetensors"), tensors);
}

pub fn write_safetensors(path: &Path, tensors: &Tensors) {
    let views: HashMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        })
        .collect();
    safetensors::serialize_to_file(views, None, path).unwrap();
}

pub fn rows(value: &Value) -> Vec<Row> {
    let row = |row: &Value| {
        let mut out = [0; ROW];
        for (o, v) in out.iter_mut().zip(row.as_array().unwrap()) {
            *o = v.as_u64().unwrap() as u32;
        }
        out
    };
    value.as_array().unwrap().iter().map(row).collect()
}

pub fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}
